package deliver

import (
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/screen"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

func TestPlan(t *testing.T) {
	now := time.Unix(1e9, 0)
	a, b := mail.AccountID{ID: mail.NewID(now)}, mail.AccountID{ID: mail.NewID(now)}
	m := Message{ID: mail.MessageID{ID: mail.NewID(now)}, Received: now, Blob: store.BlobRef{Size: 7}, Summary: &message.Summary{Size: 7}}
	to := []directory.Local{{Account: a}, {Account: b, Tag: "tag"}}
	for action, role := range map[screen.Action]mail.Role{
		screen.Pass: mail.RoleInbox, screen.Note: mail.RoleInbox, screen.Junk: mail.RoleJunk,
	} {
		m.Verdict.Action = action
		got := Plan(m, to)
		if len(got) != 2 || got[0].Account != a || got[1].Account != b || got[0].EmailID.ID != m.ID.ID || got[1].EmailID.ID != m.ID.ID {
			t.Fatalf("%+v", got)
		}
		for _, ap := range got {
			if ap.Role != role || ap.Blob != m.Blob || ap.Summary != m.Summary || !ap.Received.Equal(now) {
				t.Errorf("action %d: %+v", action, ap)
			}
		}
	}
}
