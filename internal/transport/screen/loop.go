package screen

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// MaxHops bounds the servers a message may have come through, told by its Received fields (RFC 5321 section 6.3 asks for
// a bound and suggests 100; honest mail has under 20, and a loop of two servers costs as many deliveries as the bound).
const MaxHops = 50

// Loop refuses messages that go round in circles.
func Loop() Check {
	return Check{Name: "loop", Run: func(_ context.Context, m *Message) (Finding, error) {
		hops := m.Header.Count("Received")
		if hops <= MaxHops {
			return Finding{}, nil
		}
		return Finding{Refuse, mail.KindLoop,
			fmt.Sprintf("this message has come through %d servers, it goes round in circles", hops)}, nil
	}}
}
