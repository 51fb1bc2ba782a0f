package imapd

import (
	"context"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// cmdStore is STORE (RFC 9051 section 6.4.6, RFC 7162 section 3.1.3).
func cmdStore(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.store(ctx, c, bySeq)
}

// cmdUIDStore is UID STORE.
func cmdUIDStore(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.store(ctx, c, byUID)
}

func (s *session) store(ctx context.Context, c *imap.Command, n numbering) (done, error) {
	args, err := c.Parser(s.enc).Store()
	if err != nil {
		return done{}, err
	}
	if err := s.writable(); err != nil {
		return done{}, err
	}
	if args.HasUnchangedSince {
		s.condStore = true
	}
	// What others changed is told first: then the view is what the client believes, and what it need not be told after a
	// silent STORE can be found by comparing.
	before, err := s.sync(ctx, tellNoExpunge)
	if err != nil {
		return done{}, err
	}
	if err := s.tell(ctx, before, imap.Set{}); err != nil || s.sel == nil {
		return done{}, err
	}
	spans, err := s.resolve(args.Set, n)
	if err != nil {
		return done{}, err
	}
	ch := flagChange(args)
	expected, gone, err := s.expected(ctx, spans, ch, before.Changed)
	if err != nil {
		return done{}, err
	}
	res, err := s.account.SetFlags(ctx, s.sel.view.ID(), s.uids(spans), ch)
	if err != nil {
		return done{}, err
	}
	if err := s.tellStored(ctx, spans, args, res, expected); err != nil {
		return done{}, err
	}
	return s.stored(res, n, gone), nil
}

func flagChange(args imap.Store) mailbox.FlagChange {
	modes := [...]mailbox.FlagMode{
		imap.StoreSet: mailbox.FlagsReplace, imap.StoreAdd: mailbox.FlagsAdd, imap.StoreRemove: mailbox.FlagsRemove,
	}
	ch := mailbox.FlagChange{Mode: modes[args.Mode], Flags: args.Flags.System}
	for _, k := range args.Flags.Keywords {
		ch.Keywords = append(ch.Keywords, strings.ToLower(k)) // as they are kept
	}
	slices.Sort(ch.Keywords)
	if args.HasUnchangedSince {
		since := mail.ModSeq(args.UnchangedSince)
		ch.UnchangedSince = &since
	}
	return ch
}

// flagState is a message's flags as the client believes they are.
type flagState struct {
	uid      mail.UID
	flags    mail.Flags
	keywords []string
	// unsure says that the client was told other flags while its STORE was under way: some clients take those for the
	// result, so the result is told too, silent or not.
	unsure bool
}

// expected is what the client believes the messages' flags are after the change, ascending by UID. told are the messages
// whose flags it has heard of in this very command.
func (s *session) expected(ctx context.Context, spans []span, ch mailbox.FlagChange, told []mailbox.Ref) ([]flagState, bool, error) {
	var unsure imap.Set
	for _, r := range told {
		unsure.Add(uint32(r.UID))
	}
	var out []flagState
	gone, err := s.each(ctx, spans, func(_ int, m mailbox.Message) error {
		f := flagState{m.UID, m.Flags, m.Keywords, unsure.Contains(uint32(m.UID))}
		switch ch.Mode {
		case mailbox.FlagsReplace:
			f.flags, f.keywords = ch.Flags, ch.Keywords
		case mailbox.FlagsAdd:
			f.flags |= ch.Flags
			if len(ch.Keywords) > 0 {
				f.keywords = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(m.Keywords), ch.Keywords...))))
			}
		case mailbox.FlagsRemove:
			f.flags &^= ch.Flags
			if len(ch.Keywords) > 0 {
				f.keywords = slices.DeleteFunc(slices.Clone(m.Keywords), func(k string) bool { return slices.Contains(ch.Keywords, k) })
			}
		}
		out = append(out, f)
		return nil
	})
	return out, gone, err
}

// tellStored tells the flags after a STORE: of all its messages, or after a silent one of those only that are not as the
// client expects. With CONDSTORE it must hear of the new MODSEQ in any case.
func (s *session) tellStored(ctx context.Context, spans []span, args imap.Store, res mailbox.FlagResult, expected []flagState) error {
	changes, err := s.sync(ctx, tellNoExpunge)
	if err != nil {
		return err
	}
	refused := setOf(res.Modified)
	var told imap.Set // UIDs of the STORE about which nothing more is to be said
	for _, f := range expected {
		if !refused.Contains(uint32(f.uid)) {
			told.Add(uint32(f.uid))
		}
	}
	if err := s.tell(ctx, changes, told); err != nil || s.sel == nil {
		return err
	}
	changed := setOf(res.Changed)
	next := 0
	_, err = s.each(ctx, spans, func(seq int, m mailbox.Message) error {
		for next < len(expected) && expected[next].uid < m.UID {
			next++
		}
		asExpected := next < len(expected) && expected[next].holds(m)
		news := s.condStore && changed.Contains(uint32(m.UID))
		if !told.Contains(uint32(m.UID)) || args.Silent && asExpected && !news {
			return nil
		}
		s.writeFlags(seq, m)
		return nil
	})
	return err
}

// holds reports whether the client need not be told m's flags.
func (f flagState) holds(m mailbox.Message) bool {
	return f.uid == m.UID && f.flags == m.Flags && slices.Equal(f.keywords, m.Keywords) && !f.unsure
}

// stored is the answer: with the messages that UNCHANGEDSINCE saved, numbered as the command was.
func (s *session) stored(res mailbox.FlagResult, n numbering, gone bool) done {
	if len(res.Modified) > 0 {
		var set imap.Set
		for _, uid := range res.Modified {
			if n == byUID {
				set.Add(uint32(uid))
				continue
			}
			if seq, ok := s.sel.view.SeqOf(uid); ok {
				set.Add(uint32(seq))
			}
		}
		return done{code: "MODIFIED " + set.String(), text: "conditional STORE failed for some"}
	}
	if gone {
		return done{code: "EXPUNGEISSUED", text: "some messages are gone"}
	}
	return done{}
}
