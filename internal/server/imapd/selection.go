package imapd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// selection is the selected mailbox.
type selection struct {
	view     *mailbox.View
	path     string
	readOnly bool
	saved    imap.Set // UIDs of the last SEARCH with RETURN (SAVE), for "$" (RFC 5182)
}

func (s *session) unselect() {
	if s.sel != nil {
		s.sel.view.Close()
		s.sel = nil
	}
}

// writable refuses what changes a mailbox opened with EXAMINE.
func (s *session) writable() error {
	if s.sel.readOnly {
		return no("READ-ONLY", "mailbox is open for reading only")
	}
	return nil
}

// numbering says what the numbers of a command count.
type numbering uint8

const (
	bySeq numbering = iota
	byUID
)

// span is a run of sequence numbers, both ends included.
type span struct{ from, to int }

// resolve finds the messages of a sequence-set in the view. A UID nobody has means nothing; a sequence number nobody
// has is an error of the client's (RFC 9051 section 9, "seq-number").
func (s *session) resolve(set imap.SeqSet, n numbering) ([]span, error) {
	v := s.sel.view
	if set.Saved {
		return uidSpans(v, s.sel.saved), nil
	}
	if n == byUID {
		return uidSpans(v, set.Within(uint32(v.UIDAt(v.Len())))), nil
	}
	if v.Len() == 0 && set.Star() { // "1:*" of an empty mailbox: clients mean all there are
		return nil, nil
	}
	if int64(set.Max()) > int64(v.Len()) {
		return nil, bad("no message has this number")
	}
	var out []span
	for _, r := range set.Resolve(uint32(v.Len())).Ranges() {
		out = append(out, span{int(r.First), int(r.Last)})
	}
	return out, nil
}

func uidSpans(v *mailbox.View, uids imap.Set) []span {
	var out []span
	for _, r := range uids.Ranges() {
		sp := span{v.SeqFrom(mail.UID(r.First)), v.Len()}
		if r.Last < 1<<32-1 {
			sp.to = v.SeqFrom(mail.UID(r.Last+1)) - 1
		}
		if sp.from <= sp.to {
			out = append(out, sp)
		}
	}
	return out
}

// each calls fn for the messages of the spans that are still there, until it returns an error. It reports whether some
// are gone, of which the client has not heard yet.
func (s *session) each(ctx context.Context, spans []span, fn func(seq int, r mailbox.Row) error) (gone bool, err error) {
	for _, sp := range spans {
		var failed error
		err := s.sel.view.Rows(ctx, sp.from, sp.to, func(seq int, r mailbox.Row) bool {
			if r.Gone() {
				gone = true
				return true
			}
			failed = fn(seq, r)
			return failed == nil
		})
		if failed != nil {
			return gone, failed
		}
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// uids lists the UIDs of the spans, ascending as the spans are.
func (s *session) uids(spans []span) []mail.UID {
	out := make([]mail.UID, 0, count(spans))
	for _, sp := range spans {
		_ = s.sel.view.Rows(context.Background(), sp.from, sp.to, func(_ int, r mailbox.Row) bool { // fails with its context only
			out = append(out, r.UID())
			return true
		})
	}
	return out
}

// count is the number of messages in spans.
func count(spans []span) int {
	n := 0
	for _, sp := range spans {
		n += sp.to - sp.from + 1
	}
	return n
}

func setOf(uids []mail.UID) imap.Set {
	var set imap.Set
	for _, u := range uids {
		set.Add(uint32(u))
	}
	return set
}

// sync brings the view up to date without telling the client yet.
func (s *session) sync(ctx context.Context, t telling) (mailbox.Changes, error) {
	mode := mailbox.SyncAll
	if t == tellNoExpunge {
		mode = mailbox.SyncKeep
	}
	return s.sel.view.Sync(ctx, mode)
}

// tellChanges brings the view up to date and tells the client what has changed.
func (s *session) tellChanges(ctx context.Context, t telling) error {
	if s.sel == nil || t == tellNothing {
		return nil
	}
	ch, err := s.sync(ctx, t)
	if err != nil {
		return err
	}
	return s.tell(ctx, ch, nil)
}

// tell writes the untagged responses for changes, but nothing of the flags of those that skip takes, if it is not nil.
func (s *session) tell(ctx context.Context, ch mailbox.Changes, skip func(mailbox.Ref) bool) error {
	if ch.MailboxGone {
		s.unselect()
		s.bye("", "the selected mailbox was deleted")
		return nil
	}
	for _, v := range ch.Vanished {
		s.w.Untagged(uint32(v.Seq), "EXPUNGE").CRLF()
	}
	if ch.New > 0 {
		s.w.Untagged(uint32(s.sel.view.Len()), "EXISTS").CRLF()
	}
	if ch.Keywords {
		if err := s.writeFlagNames(ctx); err != nil {
			return err
		}
	}
	for _, c := range ch.Changed {
		if skip != nil && skip(c) {
			continue
		}
		if r, ok := s.sel.view.Row(c.Seq); ok && !r.Gone() {
			s.writeFlags(c.Seq, r)
		}
	}
	return nil
}

// writeFlags tells one message's flags.
func (s *session) writeFlags(seq int, r mailbox.Row) {
	s.w.Append(func(dst []byte) []byte {
		dst = imap.AppendNumber(imap.AppendUntagged(dst, uint32(seq), "FETCH (UID "), uint64(r.UID()))
		dst = imap.AppendFlags(append(dst, " FLAGS "...), r.Flags(), r.Keywords())
		if s.condStore {
			dst = append(imap.AppendNumber(append(dst, " MODSEQ ("...), uint64(r.ModSeq())), ')')
		}
		return append(dst, ")\r\n"...)
	})
}

// writeFlagNames tells which flags there are.
func (s *session) writeFlagNames(ctx context.Context) error {
	keywords, err := s.account.Keywords(ctx)
	if err != nil {
		return err
	}
	const system = mail.FlagAnswered | mail.FlagFlagged | mail.FlagDeleted | mail.FlagSeen | mail.FlagDraft
	s.w.Raw("* FLAGS ").Flags(system, keywords).CRLF()
	if s.sel.readOnly {
		s.w.Reply("*", imap.OK, "PERMANENTFLAGS ()", "nothing can be changed")
		return nil
	}
	permanent := append(append(make([]string, 0, len(keywords)+1), keywords...), `\*`)
	s.w.Reply("*", imap.OK, "PERMANENTFLAGS "+string(imap.AppendFlags(nil, system, permanent)), "flags are kept")
	return nil
}
