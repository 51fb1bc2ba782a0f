package mailbox

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// ErrHasChildren says that a mailbox cannot be deleted because of those below it (RFC 9051 HASCHILDREN, RFC 8621
// mailboxHasChild).
var ErrHasChildren = errors.New("mailbox has children")

func joinPath(levels []string) string { return strings.Join(levels, Separator) }

// Create makes a mailbox, and those above it that are missing. KindExists if there is one of that path; a role that another
// mailbox has is KindExists too.
func (a *Account) Create(ctx context.Context, path string, o CreateOptions) (Mailbox, error) {
	levels, err := parsePath(path)
	if err != nil {
		return Mailbox{}, err
	}
	var id mail.MailboxID
	err = a.change(ctx, func(_ *state, t *txn) error {
		id, err = t.create(levels, o)
		return err
	})
	if err != nil {
		return Mailbox{}, err
	}
	return a.ByID(ctx, id)
}

func (t *txn) create(levels []string, o CreateOptions) (mail.MailboxID, error) {
	tr := t.effect.tree
	if _, ok := tr.ids[joinPath(levels)]; ok {
		return mail.MailboxID{}, mail.Refuse(mail.KindExists, "there is a mailbox of that name already")
	}
	if _, ok := tr.role(o.Role); ok {
		return mail.MailboxID{}, mail.Refuse(mail.KindExists, "another mailbox has that role")
	}
	if len(o.Role) > maxRoleLen {
		return mail.MailboxID{}, mail.Refuse(mail.KindLimit, "that is no role")
	}
	parent, err := t.parents(levels[:len(levels)-1])
	if err != nil {
		return mail.MailboxID{}, err
	}
	return t.make(parent, levels[len(levels)-1], o.Role)
}

// parents gives the mailbox of a path, which is made where it is missing; zero for the top.
func (t *txn) parents(levels []string) (mail.MailboxID, error) {
	var parent mail.MailboxID
	for i := range levels {
		id, ok := t.effect.tree.ids[joinPath(levels[:i+1])]
		if !ok {
			var err error
			if id, err = t.make(parent, levels[i], mail.RoleNone); err != nil {
				return mail.MailboxID{}, err
			}
		}
		parent = id
	}
	return parent, nil
}

// make adds one mailbox.
func (t *txn) make(parent mail.MailboxID, name string, role mail.Role) (mail.MailboxID, error) {
	if len(t.effect.tree.metas) >= MaxMailboxes {
		return mail.MailboxID{}, mail.Refusef(mail.KindLimit, "an account has at most %d mailboxes", MaxMailboxes)
	}
	now := t.st.svc.clock.Now()
	m := &meta{
		id: mail.MailboxID{ID: mail.NewID(now)}, parent: parent, name: name, role: role,
		validity: t.newValidity(), created: now.Unix(),
	}
	t.setMetas(map[mail.MailboxID]*meta{m.id: m})
	return m.id, nil
}

// newValidity gives a UIDVALIDITY that the account never gave before.
func (t *txn) newValidity() mail.UIDValidity {
	t.effect.row.validity = max(t.effect.row.validity+1, seconds(t.st.svc.clock.Now()))
	return mail.UIDValidity(t.effect.row.validity)
}

// Rename moves a mailbox and all below it to a new path; what is missing above is made. Renaming the inbox makes a mailbox of
// that path and moves the inbox's messages there (RFC 9051 section 6.3.6).
func (a *Account) Rename(ctx context.Context, id mail.MailboxID, path string) error {
	levels, err := parsePath(path)
	if err != nil {
		return err
	}
	inbox := false
	err = a.change(ctx, func(_ *state, t *txn) error {
		m, ok := t.effect.tree.metas[id]
		if !ok {
			return notFound("mailbox")
		}
		if inbox = t.effect.tree.paths[id] == Inbox; inbox {
			return nil
		}
		return t.rename(m, levels)
	})
	if err != nil || !inbox {
		return err
	}
	to, err := a.Create(ctx, joinPath(levels), CreateOptions{})
	if err != nil {
		return err
	}
	_, err = a.transferAll(ctx, id, to.ID)
	return err
}

func (t *txn) rename(m *meta, levels []string) error {
	tr := t.effect.tree
	if tr.paths[m.id] == joinPath(levels) {
		return nil
	}
	if _, ok := tr.ids[joinPath(levels)]; ok {
		return mail.Refuse(mail.KindExists, "there is a mailbox of that name already")
	}
	if len(levels)-1+tr.depth(m.id) > MaxDepth {
		return mail.Refusef(mail.KindLimit, "mailboxes can be nested %d levels deep", MaxDepth)
	}
	if strings.HasPrefix(joinPath(levels)+Separator, tr.paths[m.id]+Separator) {
		return mail.Refuse(mail.KindNotAllowed, "a mailbox cannot be moved below itself")
	}
	parent, err := t.parents(levels[:len(levels)-1])
	if err != nil {
		return err
	}
	moved := *m
	moved.parent, moved.name = parent, levels[len(levels)-1]
	t.setMetas(map[mail.MailboxID]*meta{m.id: &moved})
	return nil
}

// Delete removes a mailbox and its messages; those that have other places stay there. KindNotAllowed for the inbox and,
// wrapping ErrHasChildren, if there are mailboxes below it. A large mailbox is emptied by several commits.
func (a *Account) Delete(ctx context.Context, id mail.MailboxID) error {
	for {
		left := false
		if err := a.mayDelete(ctx, id); err != nil {
			return err
		}
		if err := a.emptyBut(ctx, id, int64(a.svc.bulk)); err != nil {
			return err
		}
		err := a.change(ctx, func(st *state, t *txn) error {
			if left = st.head.counts[id].total > int64(a.svc.bulk); left {
				return nil
			}
			return t.deleteMailbox(ctx, st, id)
		})
		if err != nil || !left {
			return err
		}
	}
}

func (a *Account) mayDelete(ctx context.Context, id mail.MailboxID) error {
	return a.look(ctx, func(im *image) error { return im.tree.mayDelete(id) })
}

func (t *tree) mayDelete(id mail.MailboxID) error {
	switch {
	case t.metas[id] == nil:
		return notFound("mailbox")
	case t.paths[id] == Inbox:
		return mail.Refuse(mail.KindNotAllowed, "the inbox cannot be deleted")
	case t.kids[id] > 0:
		return mail.Failed(mail.KindNotAllowed, "the mailbox has mailboxes below it", ErrHasChildren)
	}
	return nil
}

func (t *txn) deleteMailbox(ctx context.Context, st *state, id mail.MailboxID) error {
	if err := t.effect.tree.mayDelete(id); err != nil {
		return err
	}
	if st.head.counts[id].total > 0 {
		snap, err := st.snapshot(ctx, id)
		if err != nil {
			return err
		}
		var all []entry
		snap.each(0, func(_ int, e *entry) bool {
			all = append(all, *e)
			return true
		})
		if err := t.takeOut(ctx, id, all, &snap); err != nil {
			return err
		}
	}
	m := t.effect.tree.metas[id]
	if m.subscribed {
		t.batch.Set(nameKey(st.id, t.effect.tree.paths[id]), []byte{rowVersion})
	}
	t.setMetas(map[mail.MailboxID]*meta{id: nil})
	return nil
}

// Subscribe sets or takes the subscription of a name; no mailbox need have it.
func (a *Account) Subscribe(ctx context.Context, path string, on Subscription) error {
	levels, err := parsePath(path)
	if err != nil {
		return err
	}
	path = joinPath(levels)
	return a.change(ctx, func(st *state, t *txn) error {
		id, ok := t.effect.tree.ids[path]
		if ok && t.effect.tree.metas[id].subscribed != (on == Subscribed) {
			m := *t.effect.tree.metas[id]
			m.subscribed = on == Subscribed
			t.setMetas(map[mail.MailboxID]*meta{id: &m})
		}
		switch {
		case ok && on == Subscribed:
		case on == Subscribed:
			t.batch.Set(nameKey(st.id, path), []byte{rowVersion})
			t.dirty = true
		default:
			t.batch.Delete(nameKey(st.id, path))
			t.dirty = true
		}
		return nil
	})
}

// Subscriptions lists all subscribed names, sorted; also those that no mailbox has.
func (a *Account) Subscriptions(ctx context.Context) ([]string, error) {
	var out []string
	err := a.view(ctx, func(v store.View) error {
		return v.Scan(ctx, rowRange(a.id, rowName), func(key, _ []byte) (bool, error) {
			out = append(out, string(key[keyHead:]))
			return true, nil
		})
	})
	if err != nil {
		return nil, err
	}
	err = a.look(ctx, func(im *image) error {
		for id, m := range im.tree.metas {
			if m.subscribed {
				out = append(out, im.tree.paths[id])
			}
		}
		return nil
	})
	slices.SortFunc(out, comparePaths)
	return slices.Compact(out), err
}
