package smtpd

import (
	"context"
	"io"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
)

// Intake is what takes the mail. It is an interface so that sessions can be tested against a recorder, without a store; the real
// one is Into's.
type Intake interface {
	// Begin starts a transaction. It does no I/O.
	Begin(src intake.Source) Transaction
	Limits() intake.Limits
}

// Transaction is one message on its way in, as intake.Transaction has it. Errors are *mail.Fault.
type Transaction interface {
	From(ctx context.Context, env mail.Envelope) error
	To(ctx context.Context, r mail.Recipient) error
	Body(ctx context.Context, r io.Reader) (intake.Receipt, error)
	Reset()
}

// Into makes mail go to transport/intake.
func Into(in *intake.Intake) Intake { return into{in} }

type into struct{ *intake.Intake }

func (i into) Begin(src intake.Source) Transaction { return i.Intake.Begin(src) }
