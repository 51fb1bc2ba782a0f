package imapd

import (
	"context"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// specialUses are the roles by their names in IMAP (RFC 6154 section 2).
var specialUses = [...]struct {
	role mail.Role
	name string
}{
	{mail.RoleDrafts, `\Drafts`}, {mail.RoleSent, `\Sent`}, {mail.RoleTrash, `\Trash`}, {mail.RoleJunk, `\Junk`},
	{mail.RoleArchive, `\Archive`},
}

// specialUse is a role's name in IMAP; empty if it has none.
func specialUse(r mail.Role) string {
	for _, u := range specialUses {
		if u.role == r {
			return u.name
		}
	}
	return ""
}

// roleOf finds the one role that CREATE's USE asks for.
func roleOf(uses []string) (mail.Role, error) {
	role := mail.RoleNone
	for _, u := range uses {
		found := mail.RoleNone
		for _, known := range specialUses {
			if strings.EqualFold(known.name, u) {
				found = known.role
			}
		}
		if found == mail.RoleNone || role != mail.RoleNone {
			return "", no("USEATTR", "this use is not available")
		}
		role = found
	}
	return role, nil
}

// cmdCreate is CREATE (RFC 9051 section 6.3.4, RFC 6154 section 3, RFC 8474 section 4.1).
func cmdCreate(ctx context.Context, s *session, c *imap.Command) (done, error) {
	args, err := c.Parser(s.enc).Create()
	if err != nil {
		return done{}, err
	}
	role, err := roleOf(args.Uses)
	if err != nil {
		return done{}, err
	}
	// A delimiter at the end only says that there will be mailboxes below.
	path := strings.TrimSuffix(args.Mailbox, mailbox.Separator)
	mb, err := s.account.Create(ctx, path, mailbox.CreateOptions{Role: role})
	if err != nil {
		return done{}, err
	}
	return done{code: fmt.Sprintf("MAILBOXID (%s)", mb.ID)}, nil
}

// cmdDelete is DELETE (RFC 9051 section 6.3.5).
func cmdDelete(ctx context.Context, s *session, c *imap.Command) (done, error) {
	name, err := c.Parser(s.enc).MailboxOnly()
	if err != nil {
		return done{}, err
	}
	mb, err := s.account.ByPath(ctx, name)
	if err != nil {
		return done{}, err
	}
	if err := s.account.Delete(ctx, mb.ID); err != nil {
		return done{}, err
	}
	if s.sel != nil && s.sel.view.ID() == mb.ID {
		s.unselect()
		s.w.Reply("*", imap.OK, "CLOSED", "the selected mailbox is deleted")
	}
	return done{}, nil
}

// cmdRename is RENAME (RFC 9051 section 6.3.6).
func cmdRename(ctx context.Context, s *session, c *imap.Command) (done, error) {
	from, to, err := c.Parser(s.enc).Rename()
	if err != nil {
		return done{}, err
	}
	mb, err := s.account.ByPath(ctx, from)
	if err != nil {
		return done{}, err
	}
	return done{}, s.account.Rename(ctx, mb.ID, strings.TrimSuffix(to, mailbox.Separator))
}

// cmdSubscribe is SUBSCRIBE (RFC 9051 section 6.3.7).
func cmdSubscribe(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.subscribe(ctx, c, mailbox.Subscribed)
}

// cmdUnsubscribe is UNSUBSCRIBE (RFC 9051 section 6.3.8).
func cmdUnsubscribe(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.subscribe(ctx, c, mailbox.Unsubscribed)
}

func (s *session) subscribe(ctx context.Context, c *imap.Command, on mailbox.Subscription) (done, error) {
	name, err := c.Parser(s.enc).MailboxOnly()
	if err != nil {
		return done{}, err
	}
	return done{}, s.account.Subscribe(ctx, strings.TrimSuffix(name, mailbox.Separator), on)
}

// cmdStatus is STATUS (RFC 9051 section 6.3.11).
func cmdStatus(ctx context.Context, s *session, c *imap.Command) (done, error) {
	name, items, err := c.Parser(s.enc).Status()
	if err != nil {
		return done{}, err
	}
	mb, err := s.account.ByPath(ctx, name)
	if err != nil {
		return done{}, err
	}
	s.writeStatus(mb, items)
	return done{}, nil
}

func (s *session) writeStatus(mb mailbox.Mailbox, items []imap.StatusItem) {
	s.w.Raw("* STATUS ").Mailbox(mb.Path).Raw(" (")
	for i, item := range items {
		if i > 0 {
			s.w.Raw(" ")
		}
		s.w.Raw(item.String()).Raw(" ")
		switch item {
		case imap.StatusMessages:
			s.w.Number(uint64(mb.Counts.Total))
		case imap.StatusRecent:
			s.w.Number(0)
		case imap.StatusUIDNext:
			s.w.Number(uint64(mb.UIDNext))
		case imap.StatusUIDValidity:
			s.w.Number(uint64(mb.UIDValidity))
		case imap.StatusUnseen:
			s.w.Number(uint64(mb.Counts.Unseen))
		case imap.StatusDeleted:
			s.w.Number(uint64(mb.Counts.Deleted))
		case imap.StatusSize:
			s.w.Number(uint64(mb.Counts.Size))
		case imap.StatusHighestModSeq:
			s.condStore = true
			s.w.Number(uint64(max(mb.HighestModSeq, 1)))
		case imap.StatusAppendLimit:
			s.w.Number(uint64(s.srv.Limits.MaxMessage))
		case imap.StatusMailboxID:
			s.w.Raw("(").Raw(mb.ID.String()).Raw(")")
		}
	}
	s.w.Raw(")").CRLF()
}
