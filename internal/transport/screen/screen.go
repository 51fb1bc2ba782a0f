package screen

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// Message is what a check may look at.
type Message struct {
	Protocol obs.Proto
	Helo     string // as the client said it
	// Known says that the client is one of ours: logged in, in a listed network, or ourselves.
	Known    bool
	Hostname mail.Domain // ours
	Envelope *mail.Envelope
	Header   message.Header // as the client sent it
}

// Action is what a finding asks for, or a verdict decides. Later ones are stronger.
type Action uint8

// The actions.
const (
	// Pass: nothing to say.
	Pass Action = iota
	// Note: worth telling in the journey, without consequences.
	Note
	// Junk: take it, but into the junk mailbox.
	Junk
	// Refuse: do not take it.
	Refuse
)

// Finding is what a check found.
type Finding struct {
	Action Action
	Kind   mail.Kind // of the fault, for Refuse
	// Text says it in English: to the client for Refuse, in the journey for all. Empty for Pass.
	Text string
}

// Reason is a finding and the check it comes from.
type Reason struct {
	Check   string
	Finding Finding
}

// Verdict is the outcome: the strongest action and the reasons for it.
type Verdict struct {
	Action  Action
	Reasons []Reason
}

// Fault is the refusal; nil if the message may come in.
func (v *Verdict) Fault() *mail.Fault {
	if v.Action != Refuse {
		return nil
	}
	last := v.Reasons[len(v.Reasons)-1].Finding
	return mail.Refuse(last.Kind, last.Text)
}

// Check looks at one thing.
type Check struct {
	Name string // in the journey: "sender's greeting"
	Run  func(ctx context.Context, m *Message) (Finding, error)
}

// Standard is the checks every message goes through, in order.
func Standard() []Check {
	return []Check{Loop(), Helo(), Fields()}
}

// Run makes the checks. An error means that no verdict can be given now.
func Run(ctx context.Context, checks []Check, m *Message) (Verdict, error) {
	var v Verdict
	for _, c := range checks {
		f, err := c.Run(ctx, m)
		if err != nil {
			return v, fmt.Errorf("check %s: %w", c.Name, err)
		}
		if f.Action == Pass {
			continue
		}
		v.Reasons = append(v.Reasons, Reason{Check: c.Name, Finding: f})
		v.Action = max(v.Action, f.Action)
		if f.Action == Refuse {
			break
		}
	}
	return v, nil
}
