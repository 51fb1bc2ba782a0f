package obs

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// MailLog writes one line and counts one metric per business event. It is safe for many goroutines. A nil MailLog takes every event
// and does nothing.
type MailLog struct {
	handler slog.Handler
	clock   clock.Clock
	metrics *Metrics
}

// NewMailLog makes a mail log that writes to w and counts in m; both must be non-nil.
func NewMailLog(w io.Writer, f Format, c clock.Clock, m *Metrics) *MailLog {
	o := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.LevelKey:
			return slog.Attr{}
		case slog.MessageKey:
			a.Key = "event"
		}
		return bound(groups, a)
	}}
	return &MailLog{handler: newHandler(w, f, o), clock: c, metrics: m}
}

// write has no ctx: a line is written though the session that it tells of has been cancelled.
//
//nolint:contextcheck,nolintlint // see above; without it the callers are reported, which nolintlint does not see
func (l *MailLog) write(event string, attrs ...slog.Attr) {
	r := slog.NewRecord(l.clock.Now(), slog.LevelInfo, event, 0)
	r.AddAttrs(attrs...)
	// A mail log that cannot be written (full disk) must not stop mail.
	_ = l.handler.Handle(context.Background(), r)
}

// Proto names the way by which something came or went, in log lines and metrics.
type Proto string

// The ways.
const (
	ProtoSMTP       Proto = "smtp"
	ProtoSubmission Proto = "submission"
	ProtoLMTP       Proto = "lmtp"
	ProtoIMAP       Proto = "imap"
	ProtoPOP3       Proto = "pop3"
	ProtoJMAP       Proto = "jmap"
	// ProtoLocal is the command line of this machine.
	ProtoLocal Proto = "local"
	// ProtoNotice is a notice of our own.
	ProtoNotice Proto = "notice"
)

// Session is what is known of a connection; unknown parts stay zero.
type Session struct {
	Proto Proto
	Peer  netip.Addr
	// TLS is the version number as crypto/tls gives it; 0 for none.
	TLS     uint16
	Account string // the login, as an address; empty before one
}

func (s Session) attrs(more ...slog.Attr) []slog.Attr {
	out := make([]slog.Attr, 0, 4+len(more))
	out = append(out, slog.String("proto", string(s.Proto)), slog.String("peer", peerText(s.Peer)), slog.String("tls", TLSName(s.TLS)))
	if s.Account != "" {
		out = append(out, slog.String("account", s.Account))
	}
	return append(out, more...)
}

func peerText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}

// TLSName is a TLS version in the mail log's words: "TLS1.3"; empty for none.
func TLSName(version uint16) string {
	switch version {
	case 0:
		return ""
	case tls.VersionTLS12:
		return "TLS1.2"
	case tls.VersionTLS13:
		return "TLS1.3"
	}
	return tls.VersionName(version)
}

func id(m mail.MessageID) slog.Attr { return slog.String("id", m.String()) }

func from(a mail.Address) slog.Attr { return slog.String("from", a.String()) }

func to(a mail.Address) slog.Attr { return slog.String("to", a.String()) }

func seconds(d time.Duration) slog.Attr {
	return slog.Float64("delay", d.Round(time.Millisecond).Seconds())
}
