package screen

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// once are the fields a message may have one of (RFC 5322 section 3.6).
var once = [...]string{"Date", "Sender", "Reply-To", "To", "Cc", "Message-ID", "In-Reply-To", "References", "Subject"}

// Fields looks at the header. Two From fields are refused from anybody: programs differ in which one they show, which is good
// for nothing but deceit (RFC 7489 section 6.6.1). Other slips are noted.
func Fields() Check {
	return Check{Name: "header", Run: func(_ context.Context, m *Message) (Finding, error) {
		from := m.Header.Count("From")
		if from > 1 {
			return Finding{Refuse, mail.KindBadContent, "a message has one From field, this one has more (RFC 5322 section 3.6)"}, nil
		}
		if m.Known {
			return Finding{}, nil
		}
		if from == 0 {
			return Finding{Note, 0, "no From field"}, nil
		}
		if !hasAddress(message.ParseAddressList(m.Header.Get("From"))) {
			return Finding{Note, 0, "no address in the From field"}, nil
		}
		for _, name := range once {
			if m.Header.Count(name) > 1 {
				return Finding{Note, 0, "more than one " + name + " field"}, nil
			}
		}
		return Finding{}, nil
	}}
}

func hasAddress(list []message.Address) bool {
	for _, a := range list {
		if _, err := a.Mail(); a.Mark == message.MarkNone && err == nil {
			return true
		}
	}
	return false
}
