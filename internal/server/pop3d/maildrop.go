package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/pop3"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// maildrop is the inbox as it was at login, and what the session has marked as deleted. Message numbers are the view's sequence
// numbers.
type maildrop struct {
	account *mailbox.Account
	view    *mailbox.View
	leave   func() // ends the exclusive lock

	marks    []uint64 // a bit per message; nil while nothing is deleted
	messages int      // not deleted
	octets   int64    // of them

	ahead ahead
}

// openMaildrop opens the account's inbox. It must be closed.
func openMaildrop(ctx context.Context, a *mailbox.Account, leave func()) (*maildrop, error) {
	inbox, err := a.ByRole(ctx, mail.RoleInbox)
	if err != nil {
		return nil, err
	}
	view, err := a.Open(ctx, inbox.ID)
	if err != nil {
		return nil, err
	}
	d := &maildrop{account: a, view: view, leave: leave}
	if err := d.reset(ctx); err != nil {
		view.Close()
		return nil, err
	}
	return d, nil
}

func (d *maildrop) close() {
	d.ahead.close()
	d.view.Close()
	d.leave()
}

// reset takes all marks back.
func (d *maildrop) reset(ctx context.Context) error {
	d.marks, d.messages, d.octets = nil, 0, 0
	return d.each(ctx, func(_ int, m mailbox.Message) bool {
		d.messages++
		d.octets += m.Size
		return true
	})
}

func (d *maildrop) isDeleted(n int) bool { return d.marks != nil && d.marks[n/64]&(1<<(n%64)) != 0 }

// delete marks a message.
func (d *maildrop) delete(n int, m mailbox.Message) {
	if d.marks == nil {
		d.marks = make([]uint64, d.view.Len()/64+1)
	}
	d.marks[n/64] |= 1 << (n % 64)
	d.messages--
	d.octets -= m.Size
}

// each calls fn for every message that is not deleted.
func (d *maildrop) each(ctx context.Context, fn func(n int, m mailbox.Message) bool) error {
	return d.view.Each(ctx, 1, d.view.Len(), func(n int, m mailbox.Message) bool {
		return d.isDeleted(n) || fn(n, m)
	})
}

// message finds a message that is not deleted.
func (d *maildrop) message(n int) (mailbox.Message, bool) {
	m, ok := d.view.Message(n)
	return m, ok && !d.isDeleted(n)
}

// update removes what is marked, in one commit (tens of thousands in several), and gives how many that were. What another session
// removed meanwhile is passed over.
func (d *maildrop) update(ctx context.Context) (int, error) {
	if d.marks == nil {
		return 0, nil
	}
	var uids []mail.UID
	for n := 1; n <= d.view.Len(); n++ {
		if d.isDeleted(n) {
			uids = append(uids, d.view.UIDAt(n))
		}
	}
	gone, _, err := d.account.ExpungeUIDs(ctx, d.view.ID(), uids)
	return len(gone), err
}

// welcome takes a session whose login is right into the transaction state, or says why not.
func (s *session) welcome(ctx context.Context, id sasl.Identity) {
	key := limit.ByName(id.Account.String())
	leave, free := s.srv.maildrops.Enter(key)
	if !free {
		s.err(pop3.InUse, text.POP3InUse)
		return
	}
	if _, ok := s.srv.logins.Take(key, 1); !ok {
		leave()
		s.err(pop3.LoginDelay, text.POP3LoginDelay)
		return
	}
	drop, err := openMaildrop(ctx, s.srv.Mailboxes.Account(id.Account), leave)
	if err != nil {
		leave()
		s.fail("open the inbox", err)
		return
	}
	s.id, s.drop = id, drop
	s.unhold = s.login.OnEnd(ctx, s.end)
	s.conn.SetMaxLine(pop3.MaxLine)
	s.conn.SetLineTimeout(s.srv.Limits.Idle)
	s.ok(text.POP3Welcome, drop.messages, drop.octets)
}
