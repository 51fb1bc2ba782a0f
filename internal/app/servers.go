package app

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/server/httpd"
	"github.com/posthorn-mail/posthorn/internal/server/imapd"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/server/pop3d"
	"github.com/posthorn-mail/posthorn/internal/server/smtpd"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// buildServices makes every listener. What speaks the same protocol in clear text (with STARTTLS) and in TLS from the start
// shares one server.
func (a *App) buildServices() {
	l, starttls := &a.cfg.Listen, a.certs.TLSConfig()
	mx := smtpd.New(a.smtpConfig(smtpd.MX, "smtp", starttls))
	submission := smtpd.New(a.smtpConfig(smtpd.Submission, "submission", starttls))
	lmtp := smtpd.New(a.smtpConfig(smtpd.LMTP, "lmtp", starttls))
	imap := imapd.New(imapd.Options{
		Directory: a.directory, Mailboxes: a.mailboxes, Store: a.store, TLS: starttls, Fetched: a.fetchedByIMAP, Clock: a.world.Clock,
		Log: a.world.Log, MailLog: a.mailLog, Version: Version(), Room: a.arriving, Work: a.work,
		Limits: imapd.Limits{MaxMessage: int64(a.cfg.Mail.MaxSize)},
	})
	pop3 := pop3d.New(pop3d.Options{
		Directory: a.directory, Mailboxes: a.mailboxes, TLS: starttls, Fetched: a.fetchedByPOP3, Clock: a.world.Clock, Log: a.world.Log,
		MailLog: a.mailLog,
	})
	web := httpd.New(httpd.Config{Metrics: a.metrics.Handler(), Healthy: a.healthy, Ready: a.readiness, Log: a.world.Log})

	all := listen.NewTotal(connections())
	a.services = []service{
		{"admin", []config.Addr{{Network: "unix", Address: a.cfg.Socket()}}, a.serveAdmin},
		{"metrics", l.Metrics, web.Serve},
		a.service("smtp", l.SMTP, clearText, smtpBusy(mx, all), mx.Handle),
		a.service("submission", l.Submission, clearText, smtpBusy(submission, all), submission.Handle),
		a.service("submissions", l.Submissions, implicitTLS, smtpBusy(submission, all), submission.Handle),
		a.service("lmtp", l.LMTP, clearText, smtpBusy(lmtp, all), lmtp.Handle),
		a.service("imap", l.IMAP, clearText, listen.Config{Busy: imapd.Busy, Total: all}, imap.Serve),
		a.service("imaps", l.IMAPS, implicitTLS, listen.Config{Busy: imapd.Busy, Total: all}, imap.Serve),
		a.service("pop3", l.POP3, clearText, listen.Config{Busy: pop3d.Busy, Total: all}, pop3.Serve),
		a.service("pop3s", l.POP3S, implicitTLS, listen.Config{Busy: pop3d.Busy, Total: all}, pop3.Serve),
	}
}

// entry is how a listener's connections begin.
type entry uint8

const (
	clearText entry = iota
	implicitTLS
)

// service makes a listener for a protocol's sessions.
func (a *App) service(name string, where []config.Addr, e entry, cfg listen.Config, h listen.Handler) service {
	cfg.Name, cfg.Log, cfg.Drain = name, a.world.Log, drain
	cfg.ProxyFrom, cfg.MaxPerAddr = config.Prefixes(a.cfg.Listen.ProxyFrom), a.cfg.Listen.PerAddress
	cfg.Private = config.Prefixes(a.cfg.Listen.LoginWithoutTLSFrom)
	if e == implicitTLS {
		cfg.TLS = a.certs.TLSConfig()
	}
	return service{name, where, listen.New(cfg, h).Serve}
}

func smtpBusy(s *smtpd.Server, all *listen.Total) listen.Config {
	return listen.Config{Total: all, Busy: s.Busy(), OnOverLimit: s.OverLimit}
}

func (a *App) smtpConfig(role smtpd.Role, name string, starttls *tls.Config) smtpd.Config {
	cfg := smtpd.Config{
		Role: role, Listener: name, Hostname: a.cfg.Hostname.Domain, TLS: starttls, Trusted: config.Prefixes(a.cfg.Listen.Trusted),
		LookUpName: a.lookUpName, Intake: smtpd.Into(a.intake), Limits: smtpd.DefaultLimits(),
		Clock: a.world.Clock, Log: a.world.Log, MailLog: a.mailLog,
	}
	if role == smtpd.Submission {
		cfg.Login = func(remote netip.Addr, version uint16) sasl.Backend {
			return a.directory.Login(directory.Attempt{Protocol: obs.ProtoSubmission, Remote: remote, TLS: version})
		}
	}
	return cfg
}

// lookUpName finds a client's name that leads back to its address (RFC 8601 section 3, "iprev"); empty if there is none, or the DNS
// is slow.
func (a *App) lookUpName(ctx context.Context, addr netip.Addr) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	names, err := a.world.Resolver.PTR(ctx, addr)
	if err != nil {
		return ""
	}
	for _, name := range names[:min(len(names), 5)] {
		back, _, err := a.world.Resolver.Addrs(ctx, name)
		if err == nil && slices.Contains(back, addr.Unmap()) {
			return name
		}
	}
	return ""
}

func (a *App) serveAdmin(ctx context.Context, ln net.Listener) error {
	return a.admin.Serve(ctx, ln, drain, a.world.Log)
}

func (a *App) adminParts() adminapi.Parts {
	return adminapi.Parts{
		Clock: a.world.Clock, Store: a.store, Directory: a.directory, Mailboxes: a.mailboxes, Queue: a.queue, Journeys: a.journeys,
		Resolver: a.world.Resolver, Certs: a.certs, Hostname: a.cfg.Hostname.Domain, Version: Version(),
		Private: config.Prefixes(a.cfg.Listen.LoginWithoutTLSFrom),
		Submit:  a.submit, Listeners: a.addrs, Started: func() time.Time { return a.started }, Forgive: a.guard.Forgive,
	}
}
