package imapd

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// How many messages' rows are read at once, and how many bytes of them are kept; what is over that, and each large row, is read when it
// is its turn.
const (
	aheadMessages = 256
	aheadBytes    = 256 << 10
)

// needs says what a command reads of its messages beyond the listing.
type needs uint8

const (
	needSummary needs = 1 << iota
	needBody
	onlyHead // no more of the body than the message's header
)

// eachAhead is each for commands that read more of the messages than the listing has: what they need of many is read at once. Those
// that want does not want are left out.
func (s *session) eachAhead(ctx context.Context, spans []span, need needs, want func(seq int, r mailbox.Row) bool,
	fn func(seq int, src *source) error) (gone bool, err error) {
	a := s.srv.aheads.Get().(*ahead)
	a.session, a.need = s, need
	defer a.giveBack()
	gone, err = s.each(ctx, spans, func(seq int, r mailbox.Row) error {
		if !want(seq, r) {
			return nil
		}
		a.add(seq, r)
		if need != 0 && len(a.list) < aheadMessages {
			return nil
		}
		return a.run(ctx, fn)
	})
	if err != nil {
		return gone, err
	}
	return gone, a.run(ctx, fn)
}

// ahead reads for some messages at once.
type ahead struct {
	*session
	need needs
	seqs []int
	list []source
	ids  []mail.EmailID
	rows []byte // the summaries of list, one behind the other
}

// giveBack makes it ready for the next command, of whichever session.
func (a *ahead) giveBack() {
	srv := a.srv
	a.forget()
	a.session = nil
	srv.aheads.Put(a)
}

// forget drops the messages; after an error some are open yet.
func (a *ahead) forget() {
	for i := range a.list {
		a.list[i].close()
	}
	clear(a.list)
	a.seqs, a.list, a.ids, a.rows = a.seqs[:0], a.list[:0], a.ids[:0], a.rows[:0]
}

func (a *ahead) add(seq int, r mailbox.Row) {
	a.seqs = append(a.seqs, seq)
	a.list = append(a.list, source{session: a.session, account: a.account, m: r.Message(), listing: r, onlyHead: a.need&onlyHead != 0})
}

// run reads what is needed, calls fn for all, and forgets them.
func (a *ahead) run(ctx context.Context, fn func(seq int, src *source) error) error {
	if a.need != 0 && len(a.list) > 1 {
		if err := a.read(ctx); err != nil {
			return err
		}
	}
	for i := range a.list {
		err := fn(a.seqs[i], &a.list[i])
		a.list[i].close()
		a.list[i] = source{} // a summary can be large, and many must not live at once
		if err != nil {
			return err
		}
	}
	a.forget()
	return nil
}

func (a *ahead) read(ctx context.Context) error {
	for i := range a.list {
		a.ids = append(a.ids, a.list[i].m.EmailID)
	}
	if a.need&needSummary != 0 {
		err := a.account.SummaryRows(ctx, a.ids, func(i int, row []byte) error {
			if len(row) <= largeFrom && len(a.rows)+len(row) <= aheadBytes {
				start := len(a.rows)
				a.rows = append(a.rows, row...)
				a.list[i].row = a.rows[start:]
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if a.need&needBody == 0 {
		return nil
	}
	return a.account.BodyRefs(ctx, a.ids, func(i int, ref store.BlobRef) error {
		a.list[i].ref = ref
		return nil
	})
}
