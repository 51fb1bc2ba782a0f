package mailbox

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Birth adds a new account's rows to the batch that makes it: the mailboxes with roles and the quota. The account's partition
// must be new.
func (s *Service) Birth(b *store.Batch, a mail.AccountID, o BirthOptions) {
	now := s.clock.Now()
	born := []struct {
		role mail.Role
		name string
	}{
		{mail.RoleInbox, Inbox},
		{mail.RoleDrafts, text.Say(o.Lang, text.MailboxDrafts)},
		{mail.RoleSent, text.Say(o.Lang, text.MailboxSent)},
		{mail.RoleTrash, text.Say(o.Lang, text.MailboxTrash)},
		{mail.RoleJunk, text.Say(o.Lang, text.MailboxJunk)},
		{mail.RoleArchive, text.Say(o.Lang, text.MailboxArchive)},
	}
	row := accountRow{limit: o.Quota, validity: seconds(now), pruned: 1}
	for _, m := range born {
		row.validity++
		mt := &meta{
			id: mail.MailboxID{ID: mail.NewID(now)}, name: m.name, role: m.role,
			validity: mail.UIDValidity(row.validity), subscribed: true, created: now.Unix(),
		}
		k := idKey(a, rowMailbox, mt.id.ID)
		b.Set(k.bytes(), mt.encode())
		k = idKey(a, rowCounters, mt.id.ID)
		c := counters{next: 1, modseq: 1}
		b.Set(k.bytes(), c.append(nil))
	}
	k := singleKey(a, rowAccount)
	b.Set(k.bytes(), row.append(nil))
	k = singleKey(a, rowKeywords)
	b.Set(k.bytes(), (&keywordTable{}).encode())
	b.Expect(partition(a), 0)
}

// Death adds the removal of an account to the batch. Nothing may be delivered to it any more: if something is, the batch
// fails with a conflict, and Death must be called for a fresh one. Most of its mail goes in commits of its own before, so that no
// batch is huge; so an account whose death did not come to pass has lost mail already.
func (s *Service) Death(ctx context.Context, b *store.Batch, a mail.AccountID) error {
	acc := s.Account(a)
	boxes, err := acc.Mailboxes(ctx)
	if err != nil {
		return err
	}
	for _, m := range boxes {
		if _, _, err := acc.expungeWhere(ctx, m.ID, nil, anyPlace); err != nil {
			return err
		}
	}
	if err := acc.buryAll(ctx); err != nil {
		return err
	}
	if st, err := s.acquire(ctx, a); err == nil {
		st.discard()
		s.release(st)
	}
	return acc.view(ctx, func(v store.View) error {
		n, err := v.Number(ctx, partition(a))
		if err != nil {
			return fmt.Errorf("read account number: %w", err)
		}
		b.Expect(partition(a), n)
		b.DeleteRange(store.PrefixRange(partition(a).AppendPrefix(nil)))
		return v.Scan(ctx, rowRange(a, rowEmail), func(key, value []byte) (bool, error) {
			row, err := decodeEmail(value)
			if err != nil {
				return false, err
			}
			b.Unref(row.blob.ID, key)
			return true, nil
		})
	})
}
