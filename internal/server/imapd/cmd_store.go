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
	if err := s.tell(ctx, before, nil); err != nil || s.sel == nil {
		return done{}, err
	}
	spans, err := s.resolve(args.Set, n)
	if err != nil {
		return done{}, err
	}
	ch := flagChange(args)
	tell := s.tellStored
	if args.Silent {
		expected, err := s.expected(ctx, spans, ch, before.Changed)
		if err != nil {
			return done{}, err
		}
		tell = expected.tell
	}
	res, err := s.account.SetFlags(ctx, s.sel.view.ID(), s.uids(spans), ch)
	if err != nil {
		return done{}, err
	}
	changes, err := s.sync(ctx, tellNoExpunge)
	if err != nil {
		return done{}, err
	}
	gone, err := tell(ctx, spans, changes, res)
	return s.stored(res, n, gone), err
}

// tellStored tells the flags after a STORE: of all its messages, but of those that UNCHANGEDSINCE saved only if somebody else
// changed them.
func (s *session) tellStored(ctx context.Context, spans []span, ch mailbox.Changes, res mailbox.FlagResult) (gone bool, err error) {
	refused := setOf(res.Modified)
	var stored imap.Set // sequence numbers, which did not move
	for _, sp := range spans {
		stored.AddRange(uint32(sp.from), uint32(sp.to))
	}
	mine := func(c mailbox.Ref) bool { return stored.Contains(uint32(c.Seq)) && !refused.Contains(uint32(c.UID)) }
	if err := s.tell(ctx, ch, mine); err != nil || s.sel == nil {
		return false, err
	}
	return s.each(ctx, spans, func(seq int, r mailbox.Row) error {
		if !refused.Contains(uint32(r.UID())) {
			s.writeFlags(seq, r)
		}
		return s.broken()
	})
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

// expectation is what the client of a silent STORE believes the messages' flags are after the change, ascending by UID.
type expectation struct {
	*session
	states []flagState
	gone   bool // some of the messages were not there any more
}

// expected makes an expectation. told are the messages whose flags the client has heard of in this very command.
func (s *session) expected(ctx context.Context, spans []span, ch mailbox.FlagChange, told []mailbox.Ref) (*expectation, error) {
	var unsure imap.Set
	for _, r := range told {
		unsure.Add(uint32(r.UID))
	}
	x := &expectation{session: s, states: make([]flagState, 0, count(spans))}
	var err error
	x.gone, err = s.each(ctx, spans, func(_ int, r mailbox.Row) error {
		f := flagState{r.UID(), r.Flags(), r.Keywords(), unsure.Contains(uint32(r.UID()))}
		f.change(ch)
		x.states = append(x.states, f)
		return nil
	})
	return x, err
}

func (f *flagState) change(ch mailbox.FlagChange) {
	switch ch.Mode {
	case mailbox.FlagsReplace:
		f.flags, f.keywords = ch.Flags, ch.Keywords
	case mailbox.FlagsAdd:
		f.flags |= ch.Flags
		if len(ch.Keywords) > 0 {
			f.keywords = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(f.keywords), ch.Keywords...))))
		}
	case mailbox.FlagsRemove:
		f.flags &^= ch.Flags
		if len(ch.Keywords) > 0 {
			f.keywords = slices.DeleteFunc(slices.Clone(f.keywords), func(k string) bool { return slices.Contains(ch.Keywords, k) })
		}
	}
}

// tell tells the flags after a silent STORE: of those messages only that are not as the client expects. With CONDSTORE it must hear of
// the new MODSEQ in any case.
func (x *expectation) tell(ctx context.Context, spans []span, ch mailbox.Changes, res mailbox.FlagResult) (gone bool, err error) {
	refused := setOf(res.Modified)
	var told imap.Set // UIDs of the STORE about which nothing more is to be said
	for i := range x.states {
		if uid := uint32(x.states[i].uid); !refused.Contains(uid) {
			told.Add(uid)
		}
	}
	if err := x.session.tell(ctx, ch, func(c mailbox.Ref) bool { return told.Contains(uint32(c.UID)) }); err != nil || x.sel == nil {
		return false, err
	}
	changed := setOf(res.Changed)
	next := 0
	_, err = x.each(ctx, spans, func(seq int, r mailbox.Row) error {
		for next < len(x.states) && x.states[next].uid < r.UID() {
			next++
		}
		asExpected := next < len(x.states) && x.states[next].holds(r)
		news := x.condStore && changed.Contains(uint32(r.UID()))
		if told.Contains(uint32(r.UID())) && (!asExpected || news) {
			x.writeFlags(seq, r)
		}
		return x.broken()
	})
	return x.gone, err
}

// holds reports whether the client need not be told the message's flags.
func (f *flagState) holds(r mailbox.Row) bool {
	return f.uid == r.UID() && f.flags == r.Flags() && slices.Equal(f.keywords, r.Keywords()) && !f.unsure
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
