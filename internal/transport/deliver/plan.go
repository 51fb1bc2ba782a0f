package deliver

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/screen"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// Message is what is to be delivered.
type Message struct {
	ID       mail.MessageID
	Received time.Time
	Blob     store.BlobRef
	Summary  *message.Summary
	Verdict  screen.Verdict
	New      bool // the ID was minted for this delivery: it is the first
}

// Plan says where the message goes, one Append for each account, in the accounts' order. Each account must be named once.
// In every account the e-mail's id is the message's, so that the journey of an e-mail is found.
func Plan(m Message, to []directory.Local) []mailbox.Append {
	out := make([]mailbox.Append, len(to))
	for i, l := range to {
		role := mail.RoleInbox
		if m.Verdict.Action == screen.Junk {
			role = mail.RoleJunk
		}
		out[i] = mailbox.Append{
			Account: l.Account, EmailID: mail.EmailID{ID: m.ID.ID}, New: m.New, Role: role,
			Received: m.Received, Blob: m.Blob, Summary: m.Summary,
		}
	}
	return out
}
