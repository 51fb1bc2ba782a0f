package obs

import (
	"crypto/tls"
	"io"
	"net/netip"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// MailLog writes one line and counts one metric per business event. It is safe for many goroutines. A nil MailLog takes every event
// and does nothing.
type MailLog struct {
	mu      sync.Mutex // held during a write
	w       io.Writer
	format  Format
	lines   sync.Pool // of *line
	clock   clock.Clock
	metrics *Metrics
}

// NewMailLog makes a mail log that writes to w, a line at a time, and counts in m; both must be non-nil.
func NewMailLog(w io.Writer, f Format, c clock.Clock, m *Metrics) *MailLog {
	return &MailLog{w: w, format: f, clock: c, metrics: m}
}

// event begins a line.
func (l *MailLog) event(name string) *line {
	n, ok := l.lines.Get().(*line)
	if !ok {
		n = &line{json: l.format == FormatJSON}
	}
	return n.begin(l.clock.Now(), name)
}

// write ends a line.
func (l *MailLog) write(n *line) {
	p := n.end()
	l.mu.Lock()
	// A mail log that cannot be written (full disk) must not stop mail.
	_, _ = l.w.Write(p)
	l.mu.Unlock()
	if cap(n.b) <= keepLine {
		l.lines.Put(n)
	}
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
