package demo

import (
	"fmt"
	"net"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// settings tells what to enter into a mail program, and what to try on the command line.
func (st *story) settings() {
	var b strings.Builder
	port := func(s *server, listener string) string {
		_, port, _ := net.SplitHostPort(s.app.Addr(listener).String()) // it is a TCP address
		return port
	}
	for _, s := range []*server{st.nord, st.sued} {
		fmt.Fprintf(&b, "\n%s\n", s.host)
		for _, row := range []struct{ what, listener, how string }{
			{"IMAP", "imaps", "SSL/TLS"}, {"IMAP", "imap", "STARTTLS"}, {"POP3", "pop3s", "SSL/TLS"}, {"POP3", "pop3", "STARTTLS"},
			{"SMTP", "submissions", "SSL/TLS"}, {"SMTP", "submission", "STARTTLS"},
		} {
			fmt.Fprintf(&b, "  %-5s %s 127.0.0.1  %s %-6s %s\n", row.what, text.Say(st.lang, text.DemoServer),
				text.Say(st.lang, text.DemoPort), port(s, row.listener), row.how)
		}
		for _, p := range s.people {
			fmt.Fprintf(&b, "  %s\n", text.Say(st.lang, text.DemoLogin, p.address, p.password))
		}
		fmt.Fprintf(&b, "  posthorn --config %s journey\n", s.configFile())
	}
	st.lines("", "\n"+text.Say(st.lang, text.DemoSettings, st.authorityFile()))
	st.lines("", b.String())
	st.lines("", "\n"+text.Say(st.lang, text.DemoStays))
}
