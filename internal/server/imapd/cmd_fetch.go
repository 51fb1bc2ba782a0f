package imapd

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// cmdFetch is FETCH (RFC 9051 section 6.4.5, RFC 7162 section 3.1.4).
func cmdFetch(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.fetch(ctx, c, bySeq)
}

// cmdUIDFetch is UID FETCH.
func cmdUIDFetch(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.fetch(ctx, c, byUID)
}

func (s *session) fetch(ctx context.Context, c *imap.Command, n numbering) (done, error) {
	args, err := c.Parser(s.enc).Fetch()
	if err != nil {
		return done{}, err
	}
	if args.Vanished {
		return done{}, bad("VANISHED needs QRESYNC, which is not offered")
	}
	s.complete(&args, n)
	if err := s.tellChanges(ctx, tellNoExpunge); err != nil || s.sel == nil {
		return done{}, err
	}
	spans, err := s.resolve(args.Set, n)
	if err != nil {
		return done{}, err
	}
	seen, err := s.markSeen(ctx, args, spans)
	if err != nil || s.sel == nil {
		return done{}, err
	}
	if listedItems(args.Items) {
		gone, err := s.fetchListed(ctx, spans, args)
		return fetched(gone), err
	}
	f := fetcher{session: s, items: args.Items, names: itemNames(args.Items), hasFlags: args.Has(imap.FetchFlags), reads: slices.ContainsFunc(args.Items, readsMessage)}
	want := func(_ int, r mailbox.Row) bool {
		return !args.HasChangedSince || uint64(r.ModSeq()) > args.ChangedSince
	}
	gone, err := s.eachAhead(ctx, spans, fetchNeeds(args.Items), want, func(seq int, src *source) error {
		return f.one(ctx, seq, src, seen.Contains(uint32(src.m.UID)))
	})
	return fetched(gone || f.gone), err
}

// fetched is the answer, which says whether messages were gone.
func fetched(gone bool) done {
	if gone {
		return done{code: "EXPUNGEISSUED", text: "some messages are gone"}
	}
	return done{}
}

// complete adds the items that a command implies: UID to UID FETCH, MODSEQ to CHANGEDSINCE.
func (s *session) complete(args *imap.Fetch, n numbering) {
	if n == byUID && !args.Has(imap.FetchUID) {
		args.Items = slices.Insert(args.Items, 0, imap.FetchItem{Kind: imap.FetchUID, Peek: true})
	}
	if args.HasChangedSince && !args.Has(imap.FetchModSeq) {
		args.Items = append(args.Items, imap.FetchItem{Kind: imap.FetchModSeq, Peek: true})
	}
	s.condStore = s.condStore || args.Has(imap.FetchModSeq)
}

// markSeen sets \Seen where fetching does that (RFC 9051 section 6.4.5, "BODY[...]"), and gives the UIDs whose flags are
// to be told with the fetch for it.
func (s *session) markSeen(ctx context.Context, args imap.Fetch, spans []span) (imap.Set, error) {
	var changed imap.Set
	if s.sel.readOnly || !slices.ContainsFunc(args.Items, func(i imap.FetchItem) bool { return !i.Peek }) {
		return changed, nil
	}
	var unseen []mail.UID
	if _, err := s.each(ctx, spans, func(_ int, r mailbox.Row) error {
		if !r.Flags().Has(mail.FlagSeen) && (!args.HasChangedSince || uint64(r.ModSeq()) > args.ChangedSince) {
			unseen = append(unseen, r.UID())
		}
		return nil
	}); err != nil || len(unseen) == 0 {
		return changed, err
	}
	ch := mailbox.FlagChange{Mode: mailbox.FlagsAdd, Flags: mail.FlagSeen}
	res, err := s.account.SetFlags(ctx, s.sel.view.ID(), unseen, ch)
	if err != nil {
		return changed, err
	}
	changes, err := s.sync(ctx, tellNoExpunge)
	if err != nil {
		return changed, err
	}
	changed = setOf(res.Changed)
	return changed, s.tell(ctx, changes, func(c mailbox.Ref) bool { return changed.Contains(uint32(c.UID)) })
}

// fetcher answers for the messages of one FETCH.
type fetcher struct {
	*session
	items    []imap.FetchItem
	names    []string // of the items
	hasFlags bool
	reads    bool // the content is among the items, and not only pieces for a preview
	gone     bool // a message was gone when it was to be read
	answers  []answer
}

// fetchNeeds is what the items are answered from.
func fetchNeeds(items []imap.FetchItem) needs {
	var n needs
	head := onlyHead
	for _, i := range items {
		switch {
		case i.NeedsBody():
			n |= needBody
			if !ofHeader(i) {
				head = 0
			}
			if whole := len(i.Section.Path) == 0 && i.Section.Part == imap.SectionAll; !whole || i.Kind != imap.FetchSection {
				n |= needSummary
			}
		case i.Kind == imap.FetchEnvelope || i.Kind == imap.FetchBody || i.Kind == imap.FetchBodyStructure:
			n |= needSummary
		}
	}
	if n&needBody != 0 {
		n |= head
	}
	return n
}

// ofHeader reports whether an item is in the message's own header.
func ofHeader(i imap.FetchItem) bool {
	switch i.Kind {
	case imap.FetchRFC822Header:
		return true
	case imap.FetchSection:
		p := i.Section.Part
		return len(i.Section.Path) == 0 && (p == imap.SectionHeader || p == imap.SectionHeaderFields || p == imap.SectionHeaderFieldsNot)
	}
	return false
}

// one writes one message's FETCH response. Everything that can fail short of reading the body is read before a word is
// written, so that an error leaves the response stream whole.
func (f *fetcher) one(ctx context.Context, seq int, src *source, tellFlags bool) error {
	if err := f.stillThere(); err != nil {
		return err
	}
	m := src.m
	answers := f.answers[:0]
	for _, item := range f.items {
		a, err := src.answer(ctx, item)
		if mail.IsKind(err, mail.KindNotFound) {
			f.gone = true
			return nil
		}
		if err != nil {
			return err
		}
		answers = append(answers, a)
	}
	f.answers = answers
	f.w.Untagged(uint32(seq), "FETCH (")
	for i := range f.items {
		f.w.Raw(f.names[i])
		if err := f.write(&f.items[i], &m, &answers[i]); err != nil {
			return &lost{err}
		}
	}
	if tellFlags && !f.hasFlags {
		f.w.Raw(" FLAGS ").Flags(m.Flags, m.Keywords)
	}
	f.w.Raw(")").CRLF()
	if f.reads {
		f.srv.Fetched(ctx, Fetch{Account: f.account.ID(), Login: f.seen.Account, Email: m.EmailID, Remote: f.lc.Remote, TLS: f.conn.TLS()})
	}
	return nil
}

// readsMessage reports whether an item is what a person reads: the message or its text from the beginning, or a part
// that is not only peeked at.
func readsMessage(i imap.FetchItem) bool {
	if i.Partial != nil && i.Partial.Offset > 0 {
		return false
	}
	switch i.Kind {
	case imap.FetchRFC822, imap.FetchRFC822Text:
		return true
	case imap.FetchSection, imap.FetchBinary:
		if len(i.Section.Path) > 0 {
			return i.Section.Part == imap.SectionAll && !i.Peek
		}
		return i.Section.Part == imap.SectionAll || i.Section.Part == imap.SectionText
	}
	return false
}

// write writes one item's value.
func (f *fetcher) write(item *imap.FetchItem, m *mailbox.Message, a *answer) error {
	w := f.w
	switch item.Kind {
	case imap.FetchUID:
		w.Number(uint64(m.UID))
	case imap.FetchFlags:
		w.Flags(m.Flags, m.Keywords)
	case imap.FetchInternalDate:
		w.Time(m.Received)
	case imap.FetchSize:
		w.Number(uint64(m.Size))
	case imap.FetchModSeq:
		w.Raw("(").Number(uint64(m.ModSeq)).Raw(")")
	case imap.FetchEmailID, imap.FetchThreadID:
		w.Raw("(").Raw(a.id).Raw(")")
	case imap.FetchEnvelope:
		w.Append(func(dst []byte) []byte { return imap.AppendEnvelope(dst, a.envelope, w.Enc) })
	case imap.FetchBody:
		w.Append(func(dst []byte) []byte { return imap.AppendStructure(dst, &a.summary.Root, imap.Basic, w.Enc) })
	case imap.FetchBodyStructure:
		w.Append(func(dst []byte) []byte { return imap.AppendStructure(dst, &a.summary.Root, imap.Extended, w.Enc) })
	case imap.FetchBinarySize:
		w.Number(uint64(a.size))
	default:
		switch {
		case a.content == nil:
			w.Raw("NIL")
		case item.Kind == imap.FetchBinary:
			f.labour.vain = max(0, f.labour.vain-a.size) // what was counted before
			return w.Literal8(a.size, a.content)
		default:
			return w.Literal(a.size, a.content)
		}
	}
	return w.Err()
}
