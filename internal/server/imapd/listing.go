package imapd

import (
	"context"
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// Commands that need no more than the listing are answered for a hundred thousand messages in some ten milliseconds, so what they do for
// each is kept short: no copy of the message, nothing looked up twice, and no memory.

// listedItems reports whether the listing has all that the items ask for.
func listedItems(items []imap.FetchItem) bool {
	return !slices.ContainsFunc(items, func(i imap.FetchItem) bool {
		switch i.Kind {
		case imap.FetchUID, imap.FetchFlags, imap.FetchInternalDate, imap.FetchSize, imap.FetchModSeq, imap.FetchEmailID:
			return false
		}
		return true
	})
}

// fetchListed answers a FETCH of such items.
func (s *session) fetchListed(ctx context.Context, spans []span, args imap.Fetch) (gone bool, err error) {
	names := itemNames(args.Items)
	return s.each(ctx, spans, func(seq int, r mailbox.Row) error {
		if args.HasChangedSince && uint64(r.ModSeq()) <= args.ChangedSince {
			return nil
		}
		s.w.Append(func(dst []byte) []byte {
			dst = imap.AppendUntagged(dst, uint32(seq), "FETCH (")
			for i := range args.Items {
				dst = appendListed(append(dst, names[i]...), args.Items[i].Kind, r)
			}
			return append(dst, ")\r\n"...)
		})
		return s.broken()
	})
}

// itemNames is what stands before each item's value in a response: its name, and spaces.
func itemNames(items []imap.FetchItem) []string {
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = " " + string(item.AppendName(nil)) + " "
	}
	names[0] = names[0][1:]
	return names
}

// appendListed writes an item's value.
func appendListed(dst []byte, k imap.FetchKind, r mailbox.Row) []byte {
	switch k {
	case imap.FetchUID:
		return imap.AppendNumber(dst, uint64(r.UID()))
	case imap.FetchFlags:
		return imap.AppendFlags(dst, r.Flags(), r.Keywords())
	case imap.FetchInternalDate:
		return imap.AppendDateTime(dst, time.Unix(r.Received(), 0).UTC())
	case imap.FetchSize:
		return imap.AppendNumber(dst, uint64(r.Size()))
	case imap.FetchModSeq:
		return append(imap.AppendNumber(append(dst, '('), uint64(r.ModSeq())), ')')
	default:
		return append(append(append(dst, '('), r.EmailID().String()...), ')')
	}
}

// listed holds a message to a key that asks for nothing beyond the listing and has been prepared.
func (m *matcher) listed(k *imap.SearchKey, seq int, r mailbox.Row) bool {
	switch k.Op {
	case imap.SeAnd, imap.SeOr:
		stop := k.Op == imap.SeOr
		for i := range k.Keys {
			if m.listed(&k.Keys[i], seq, r) == stop {
				return stop
			}
		}
		return !stop
	case imap.SeNot:
		return !m.listed(&k.Keys[0], seq, r)
	case imap.SeAll:
		return true
	case imap.SeSeqSet, imap.SeUID:
		return m.sets[k.Num].Contains(uint32(seq))
	case imap.SeFlag:
		return r.Flags().Has(k.Flag)
	case imap.SeKeyword:
		return slices.Contains(r.Keywords(), k.Text)
	case imap.SeBefore:
		return r.Received() < k.Day.Unix()
	case imap.SeOn:
		return r.Received() >= k.Day.Unix() && r.Received() < k.Day.Unix()+daySeconds
	case imap.SeLarger:
		return uint64(r.Size()) > k.Num
	case imap.SeSmaller:
		return uint64(r.Size()) < k.Num
	case imap.SeOlder:
		return m.age(r) >= time.Duration(k.Num)*time.Second
	case imap.SeYounger:
		return m.age(r) < time.Duration(k.Num)*time.Second
	case imap.SeModSeq:
		return uint64(r.ModSeq()) >= k.Num
	case imap.SeEmailID:
		return r.EmailID().String() == k.Text
	}
	return false // \Recent is never set
}

const daySeconds = 24 * 60 * 60

func (m *matcher) age(r mailbox.Row) time.Duration { return m.now.Sub(time.Unix(r.Received(), 0)) }
