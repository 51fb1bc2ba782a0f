package imapd

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// cmdSearch is SEARCH (RFC 9051 section 6.4.4).
func cmdSearch(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.search(ctx, c, bySeq)
}

// cmdUIDSearch is UID SEARCH.
func cmdUIDSearch(ctx context.Context, s *session, c *imap.Command) (done, error) {
	return s.search(ctx, c, byUID)
}

func (s *session) search(ctx context.Context, c *imap.Command, n numbering) (done, error) {
	args, err := c.Parser(s.enc).Search()
	if err != nil {
		return done{}, err
	}
	switch args.Charset {
	case "", "UTF-8", "US-ASCII":
	default:
		return done{}, no("BADCHARSET (UTF-8 US-ASCII)", "send the search in UTF-8")
	}
	usesModSeq := args.Key.Uses(imap.SeModSeq)
	s.condStore = s.condStore || usesModSeq
	if err := s.tellChanges(ctx, tellNoExpunge); err != nil || s.sel == nil {
		return done{}, err
	}
	if args.Return.Save {
		s.sel.saved = imap.Set{} // of a search that fails nothing is saved (RFC 5182 section 2.1)
	}
	found, err := s.find(ctx, args.Key, n)
	if err != nil {
		return done{}, err
	}
	if args.Return.Save {
		s.save(args.Return, found)
	}
	if args.HasReturn || s.rev2 {
		s.writeESearch(c.Tag, args, found, n, usesModSeq)
		return done{}, nil
	}
	s.w.Raw("* SEARCH").Numbers(found.nums)
	if usesModSeq && !found.nums.Empty() {
		s.w.Raw(" (MODSEQ ").Number(found.modSeq).Raw(")")
	}
	s.w.CRLF()
	return done{}, nil
}

// found is what a search has found.
type found struct {
	nums, uids     imap.Set // nums as the command counts
	first, last    uint32   // the lowest and highest of nums
	modSeq         uint64   // the highest
	minMod, maxMod uint64   // those of first and last
}

// add notes a message, which comes behind all others.
func (f *found) add(seq int, r mailbox.Row, n numbering) {
	num := uint32(seq)
	if n == byUID {
		num = uint32(r.UID())
	}
	mod := uint64(r.ModSeq())
	if f.first == 0 {
		f.first, f.minMod = num, mod
	}
	f.last, f.maxMod = num, mod
	f.modSeq = max(f.modSeq, mod)
	f.nums.Add(num)
	f.uids.Add(uint32(r.UID()))
}

func (s *session) find(ctx context.Context, key imap.SearchKey, n numbering) (found, error) {
	var out found
	ctx, cancel := context.WithTimeout(ctx, s.srv.Limits.Search)
	defer cancel()
	m := matcher{session: s, now: s.srv.Clock.Now()}
	if err := m.prepare(&key); err != nil {
		return out, err
	}
	all := []span{{1, s.sel.view.Len()}}
	need := searchNeeds(key)
	if need&needBody != 0 {
		leave, err := s.srv.searches.enter(ctx, s.account.ID())
		if err != nil {
			return out, tooLong(err)
		}
		defer leave()
	}
	var err error
	if need == 0 {
		_, err = s.each(ctx, all, func(seq int, r mailbox.Row) error {
			if m.listed(&key, seq, r) {
				out.add(seq, r, n)
			}
			return nil
		})
	} else {
		_, err = s.eachAhead(ctx, all, need, m.candidate(key), func(seq int, src *source) error {
			if seq%64 == 0 {
				if err := errors.Join(ctx.Err(), s.stillThere()); err != nil {
					return err
				}
			}
			ok, err := m.match(ctx, key, seq, src)
			if err == nil && ok {
				out.add(seq, src.listing, n)
			}
			return err
		})
	}
	return out, tooLong(err)
}

// tooLong puts the end of a search's time into IMAP's words.
func tooLong(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return no("LIMIT", "search takes too long, please narrow it")
	}
	return err
}

// save keeps the result for "$": with MIN or MAX and nothing more only those (RFC 5182 section 2.4).
func (s *session) save(ret imap.SearchReturn, f found) {
	if ret.All || ret.Count || !ret.Min && !ret.Max {
		s.sel.saved = f.uids
		return
	}
	ranges := f.uids.Ranges()
	var set imap.Set
	if ret.Min && len(ranges) > 0 {
		set.Add(ranges[0].First)
	}
	if ret.Max && len(ranges) > 0 {
		set.Add(ranges[len(ranges)-1].Last)
	}
	s.sel.saved = set
}

// writeESearch writes the answer of RFC 4731.
func (s *session) writeESearch(tag string, args imap.Search, f found, n numbering, usesModSeq bool) {
	ret := args.Return
	if !args.HasReturn {
		ret.All = true
	}
	if ret == (imap.SearchReturn{Save: true}) { // the result is only kept (RFC 5182 section 2.1)
		return
	}
	s.w.Raw("* ESEARCH (TAG ").String(tag).Raw(")")
	if n == byUID {
		s.w.Raw(" UID")
	}
	if ret.Min && f.first > 0 {
		s.w.Raw(" MIN ").Number(uint64(f.first))
	}
	if ret.Max && f.first > 0 {
		s.w.Raw(" MAX ").Number(uint64(f.last))
	}
	if ret.Count {
		s.w.Raw(" COUNT ").Number(uint64(f.nums.Len()))
	}
	if ret.All && !f.nums.Empty() {
		s.w.Raw(" ALL ").Set(f.nums)
	}
	if usesModSeq && f.first > 0 {
		// RFC 4731 section 3.2: of what is told; all messages unless only MIN or MAX are asked for.
		mod := f.modSeq
		switch {
		case ret.All || ret.Count:
		case ret.Min && ret.Max:
			mod = max(f.minMod, f.maxMod)
		case ret.Min:
			mod = f.minMod
		case ret.Max:
			mod = f.maxMod
		}
		s.w.Raw(" MODSEQ ").Number(mod)
	}
	s.w.CRLF()
}
