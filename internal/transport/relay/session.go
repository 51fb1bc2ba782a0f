package relay

import (
	"container/list"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// session is one connection that is ready for messages.
type session struct {
	lc    *line.Conn
	key   string // of its route
	host  route.Host
	addr  netip.AddrPort
	lmtp  bool
	hello smtp.Hello

	tlsWords   string // empty in clear text
	tlsVersion uint16
	policy     string // journey.PolicyVerified or PolicyUnverified; empty in clear text

	timeouts Timeouts
	messages int
	dirty    bool // a transaction was begun and not ended: RSET comes first
	answered bool // it has answered about a message
	idle     clock.Timer
	age      *list.Element // its place among the idle ones; nil if it is none of them
}

// command sends one command and reads its reply.
func (s *session) command(timeout time.Duration, words ...string) (smtp.Reply, error) {
	for _, w := range words {
		if _, err := s.lc.WriteString(w); err != nil {
			return smtp.Reply{}, err
		}
	}
	if _, err := s.lc.WriteString("\r\n"); err != nil {
		return smtp.Reply{}, err
	}
	return s.reply(timeout)
}

// reply reads the next reply.
func (s *session) reply(timeout time.Duration) (smtp.Reply, error) {
	s.lc.SetLineTimeout(timeout)
	return smtp.ReadReply(s.lc)
}

// abort closes the connection at once; safe to call from anywhere, any time.
func (s *session) abort() { _ = s.lc.Close() }

// quitTime is how long we wait for the answer to a QUIT that nobody needs.
const quitTime = 2 * time.Second

func (s *session) quit() {
	_, _ = s.command(min(quitTime, s.timeouts.Command), "QUIT") // whatever it says, this is the end
	s.abort()
}
