package screen

import (
	"context"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Helo looks at the name a stranger gives himself (RFC 5321 section 4.1.4). Only the lie to be us is refused; the RFC
// forbids to refuse a name because it does not fit the address, and many honest servers are badly configured.
func Helo() Check {
	return Check{Name: "helo", Run: func(_ context.Context, m *Message) (Finding, error) {
		if m.Known || m.Protocol != obs.ProtoSMTP {
			return Finding{}, nil
		}
		name := strings.TrimSuffix(strings.ToLower(m.Helo), ".")
		d, _ := mail.ParseDomain(name)
		if !d.Conforms() {
			d = "" // it may stand in an address, but is no host's name
		}
		switch {
		case d != "" && d == m.Hostname:
			return Finding{Refuse, mail.KindPolicy, "you greeted with my own name"}, nil
		case d == "":
			return Finding{Note, 0, "the client's name " + clip(m.Helo) + " is not a host name"}, nil
		case !strings.Contains(name, ".") && !strings.HasPrefix(name, "["):
			return Finding{Note, 0, "the client's name " + clip(m.Helo) + " is not a full host name"}, nil
		}
		return Finding{}, nil
	}}
}

// clip bounds what a stranger said.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
