package app

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/imapd"
	"github.com/posthorn-mail/posthorn/internal/server/pop3d"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/relay"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
)

func (a *App) intakeOptions(r *route.Router) intake.Options {
	m := a.cfg.Mail
	o := intake.Options{
		Store: a.store, Mailbox: a.mailboxes, Directory: a.directory, Queue: a.queue, Journeys: a.journeys, Resolver: a.world.Resolver,
		Hostname: a.cfg.Hostname.Domain, Routed: r.Routed, Limits: intake.Limits{MaxSize: int64(m.MaxSize), MaxRecipients: m.MaxRecipients},
		SendLimit: m.SendLimit, Room: a.arriving, Work: a.work, Clock: a.world.Clock, Log: a.world.Log, MailLog: a.mailLog,
	}
	if m.HideClient {
		o.Client = intake.HideClient
	}
	return o
}

func (a *App) queueOptions(r *route.Router) queue.Options {
	q := a.cfg.Queue
	notice := q.DelayNotice.Std()
	if notice == 0 {
		notice = -1 // never
	}
	return queue.Options{
		Clock: a.world.Clock, Log: a.world.Log, MailLog: a.mailLog, Journeys: a.journeys, Destination: r.Key,
		Schedule:    queue.Schedule{GiveUp: q.GiveUp.Std(), DelayNotice: notice},
		Concurrency: q.Workers, PerDestination: q.PerHost, Grace: drain,
	}
}

func (a *App) relayOptions(r *route.Router) relay.Options {
	return relay.Options{
		Blobs: a.store, Router: r, Hostname: string(a.cfg.Hostname.Domain), Dialer: a.world.Dialer, Clock: a.world.Clock,
		Log: a.world.Log, RootCAs: a.world.Roots, MaxIdle: a.cfg.Queue.Workers,
	}
}

// router reads the routes of the configuration; it is checked already but for what only the parts know.
func (a *App) router() (*route.Router, error) {
	o := route.Options{Resolver: a.world.Resolver, Names: []string{string(a.cfg.Hostname.Domain)}}
	for i := range a.cfg.Routes {
		r := &a.cfg.Routes[i]
		via, err := smarthost(r)
		if err != nil {
			return nil, err
		}
		for _, name := range r.Domains {
			if name == "*" {
				o.Rules = append(o.Rules, route.Rule{Via: via})
				continue
			}
			d, err := mail.ParseDomain(name)
			if err != nil {
				return nil, fmt.Errorf("read route for %q: %w", name, err)
			}
			o.Rules = append(o.Rules, route.Rule{Domain: d, Via: via})
		}
	}
	return route.New(o), nil
}

func smarthost(r *config.Route) (route.Smarthost, error) {
	host, port, err := r.HostPort()
	if err != nil {
		return route.Smarthost{}, fmt.Errorf("read route: %w", err)
	}
	via := route.Smarthost{Host: host, Port: port, Login: r.User, PasswordFile: r.PasswordFile}
	if r.Protocol == config.RouteLMTP {
		via.Protocol = route.LMTP
	}
	switch r.TLS {
	case config.RouteAuto:
		if r.User != "" {
			via.Security = route.StartTLS
		}
	case config.RouteOpportunistic:
	case config.RouteRequire:
		via.Security = route.StartTLS
	case config.RouteImplicit:
		via.Security = route.Implicit
	case config.RouteClear:
		via.Security = route.Clear
	}
	return via, nil
}

// fetchedByPOP3 tells a message's story on: its recipient has it. An e-mail's id is the id of the message that brought it.
func (a *App) fetchedByPOP3(ctx context.Context, f pop3d.Fetch) {
	a.fetched(ctx, f.Email, journey.Event{Kind: journey.Fetched, Account: f.Account, Recipient: f.Login, Protocol: "POP3"})
}

// fetchedByIMAP is the same for IMAP.
func (a *App) fetchedByIMAP(ctx context.Context, f imapd.Fetch) {
	a.fetched(ctx, f.Email, journey.Event{Kind: journey.Fetched, Account: f.Account, Recipient: f.Login, Protocol: "IMAP"})
}

func (a *App) fetched(ctx context.Context, id mail.EmailID, e journey.Event) {
	if err := a.journeys.Append(ctx, mail.MessageID(id), e); err != nil {
		a.world.Log.Debug("fetching not told", "err", err)
	}
}
