package mailbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// Account is one account's mail. A handle costs nothing and is never closed; the account is loaded with the first call.
type Account struct {
	svc *Service
	id  mail.AccountID
}

// Account gives a handle.
func (s *Service) Account(id mail.AccountID) *Account { return &Account{svc: s, id: id} }

// ID is the account's id.
func (a *Account) ID() mail.AccountID { return a.id }

// look reads the image: fn runs under the show lock and must be short.
func (a *Account) look(ctx context.Context, fn func(im *image) error) error {
	st, err := a.svc.acquire(ctx, a.id)
	if err != nil {
		return fault(err)
	}
	defer a.svc.release(st)
	st.show.RLock()
	defer st.show.RUnlock()
	return fn(&st.image)
}

// Mailboxes lists the mailboxes, the inbox first, then by path.
func (a *Account) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	var out []Mailbox
	err := a.look(ctx, func(im *image) error {
		out = make([]Mailbox, 0, len(im.tree.sorted))
		for _, id := range im.tree.sorted {
			m, _ := im.mailbox(id)
			out = append(out, m)
		}
		return nil
	})
	return out, err
}

// find describes the mailbox that which finds.
func (a *Account) find(ctx context.Context, which func(t *tree) (mail.MailboxID, bool)) (Mailbox, error) {
	var out Mailbox
	err := a.look(ctx, func(im *image) error {
		id, ok := which(im.tree)
		if ok {
			out, ok = im.mailbox(id)
		}
		if !ok {
			return notFound("mailbox")
		}
		return nil
	})
	return out, err
}

// ByPath finds a mailbox by its path; KindNotFound if there is none.
func (a *Account) ByPath(ctx context.Context, path string) (Mailbox, error) {
	levels, err := parsePath(path)
	if err != nil {
		return Mailbox{}, notFound("mailbox")
	}
	p := joinPath(levels)
	return a.find(ctx, func(t *tree) (mail.MailboxID, bool) {
		id, ok := t.ids[p]
		return id, ok
	})
}

// ByID finds a mailbox by its id; KindNotFound if there is none.
func (a *Account) ByID(ctx context.Context, id mail.MailboxID) (Mailbox, error) {
	return a.find(ctx, func(*tree) (mail.MailboxID, bool) { return id, true })
}

// ByRole finds the mailbox with a role; KindNotFound if there is none.
func (a *Account) ByRole(ctx context.Context, r mail.Role) (Mailbox, error) {
	return a.find(ctx, func(t *tree) (mail.MailboxID, bool) { return t.role(r) })
}

// Keywords lists the keywords ever used in the account.
func (a *Account) Keywords(ctx context.Context) ([]string, error) {
	var out []string
	err := a.look(ctx, func(im *image) error {
		out = append(out, im.keywords.names...)
		return nil
	})
	return out, err
}

// Number is the account's number as readers see it.
func (a *Account) Number(ctx context.Context) (mail.ModSeq, error) {
	var n mail.ModSeq
	err := a.look(ctx, func(im *image) error {
		n = mail.ModSeq(im.number)
		return nil
	})
	return n, err
}

// view reads from the store.
func (a *Account) view(ctx context.Context, fn func(v store.View) error) error {
	v, err := a.svc.st.View(ctx)
	if err != nil {
		return fault(fmt.Errorf("open a view: %w", err))
	}
	defer v.Close()
	err = fn(v)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("e-mail")
	}
	return fault(err)
}

// Summary reads an e-mail's summary; KindNotFound if there is no such e-mail.
func (a *Account) Summary(ctx context.Context, id mail.EmailID) (*message.Summary, error) {
	var s *message.Summary
	err := a.viewLiving(ctx, func(v store.View, dead deadList) error {
		if dead.has(id.ID) {
			return store.ErrNotFound
		}
		k := idKey(a.id, rowSummary, id.ID)
		b, err := v.Get(ctx, k.bytes())
		if err != nil {
			return fmt.Errorf("read summary: %w", err)
		}
		s, err = message.DecodeSummary(b)
		return err
	})
	return s, err
}

// Body opens an e-mail's body. It must be closed.
func (a *Account) Body(ctx context.Context, id mail.EmailID) (store.Blob, error) {
	var row emailRow
	err := a.viewLiving(ctx, func(v store.View, dead deadList) (err error) {
		if dead.has(id.ID) {
			return store.ErrNotFound
		}
		row, err = getEmail(ctx, v, a.id, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a.OpenBody(ctx, row.blob)
}

// Email reads an e-mail's record; KindNotFound if there is none.
func (a *Account) Email(ctx context.Context, id mail.EmailID) (Email, error) {
	var out Email
	var mk marks
	err := a.view(ctx, func(v store.View) error {
		row, err := getEmail(ctx, v, a.id, id)
		if err != nil {
			return err
		}
		out = Email{ID: id, Thread: row.thread, Blob: row.blob, Size: row.blob.Size, Received: unix(int64(row.received))}
		for i, p := range row.spots {
			out.Places = append(out.Places, Place{Mailbox: p.mailbox, UID: p.uid})
			if i > 0 {
				continue
			}
			en, err := getPlace(ctx, v, a.id, p.mailbox, p.uid)
			if err != nil {
				return err
			}
			mk = en.marks
		}
		return nil
	})
	if err != nil {
		return Email{}, err
	}
	out.Flags = mk.flags() &^ mail.FlagDeleted
	err = a.look(ctx, func(im *image) error {
		out.Keywords = im.keywords.list(mk)
		for i := range out.Places {
			if m := im.tree.metas[out.Places[i].Mailbox]; m != nil {
				out.Places[i].UIDValidity = m.validity
			}
		}
		return nil
	})
	return out, err
}

// Thread lists a thread's e-mails, oldest id first; none if there is no such thread.
func (a *Account) Thread(ctx context.Context, id mail.ThreadID) ([]mail.EmailID, error) {
	var out []mail.EmailID
	err := a.viewLiving(ctx, func(v store.View, dead deadList) error {
		founder := mail.EmailID(id)
		row, err := getEmail(ctx, v, a.id, founder)
		if err == nil && row.thread == id {
			out = append(out, founder)
		} else if err != nil && !isNotFound(err) {
			return err
		}
		err = scanIDs(ctx, v, idRange(a.id, rowMember, id.ID), func(e mail.ID, _ []byte) error {
			out = append(out, mail.EmailID{ID: e})
			return nil
		})
		out = slices.DeleteFunc(out, func(e mail.EmailID) bool { return dead.has(e.ID) })
		return err
	})
	slices.SortFunc(out, func(x, y mail.EmailID) int { return x.Compare(y.ID) })
	return out, err
}

// Usage tells what the account uses and may use.
func (a *Account) Usage(ctx context.Context) (used, limit Quota, err error) {
	err = a.look(ctx, func(im *image) error {
		used, limit = im.row.used, im.row.limit
		return nil
	})
	return used, limit, err
}

// SetQuota sets the limit. What is over it already stays.
func (a *Account) SetQuota(ctx context.Context, limit Quota) error {
	return a.change(ctx, func(_ *state, t *txn) error {
		t.effect.row.limit = limit
		t.dirty = true
		return nil
	})
}

// CheckQuota reports whether a message of this size may still come into the account: KindOverQuota or KindTooLarge if not.
func (s *Service) CheckQuota(ctx context.Context, a mail.AccountID, bytes int64) error {
	return s.Account(a).look(ctx, func(im *image) error { return overQuota(im.row, bytes) })
}

func overQuota(r accountRow, bytes int64) error {
	switch {
	case bytes > MaxMessageSize, r.limit.Bytes > 0 && bytes > r.limit.Bytes:
		return mail.Refuse(mail.KindTooLarge, "the message is larger than the mailbox may be")
	case r.limit.Bytes > 0 && r.used.Bytes+bytes > r.limit.Bytes,
		r.limit.Emails > 0 && r.used.Emails+1 > r.limit.Emails:
		return mail.Refuse(mail.KindOverQuota, "the mailbox is full")
	}
	return nil
}
