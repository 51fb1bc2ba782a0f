package mailbox

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// View is what one session sees of one mailbox: its own sequence numbers, moved only by Sync. It shares the memory of the
// mailbox's index, so that thousands of views cost little. It is for one goroutine, but Watch's channel may be received
// from in another. It must be closed.
type View struct {
	acc      *Account
	st       *state
	slot     *slot
	mailbox  mail.MailboxID
	snap     snapshot
	keywords *keywordTable
	modseq   uint64
	ghosts   int // placeholders in snap
	gone     bool
	watcher  *Watcher
}

// Open gives a view of a mailbox as it is now.
func (a *Account) Open(ctx context.Context, id mail.MailboxID) (*View, error) {
	v := &View{acc: a, mailbox: id}
	if err := v.attach(ctx); err != nil {
		return nil, fault(err)
	}
	if !v.take() {
		v.detach()
		return nil, notFound("mailbox")
	}
	return v, nil
}

// take looks for the first time; false if the mailbox is gone.
func (v *View) take() bool {
	v.st.show.Lock()
	defer v.st.show.Unlock()
	if v.slot.index == nil {
		return false
	}
	v.snap = v.slot.index.take()
	v.keywords = v.st.image.keywords
	v.modseq = v.st.image.counts[v.mailbox].modseq
	return true
}

// attach finds the account and holds the mailbox's index in memory.
func (v *View) attach(ctx context.Context) error {
	for {
		st, err := v.acc.svc.acquire(ctx, v.acc.id)
		if err != nil {
			return err
		}
		sl, err := st.pin(ctx, v.mailbox)
		if err == nil {
			v.st, v.slot = st, sl
			return nil
		}
		v.acc.svc.release(st)
		if !isConflict(err) {
			return err
		}
	}
}

func (v *View) detach() {
	if v.st == nil {
		return
	}
	v.st.unpin(v.slot)
	v.acc.svc.release(v.st)
	v.st, v.slot = nil, nil
}

// Close gives the view up.
func (v *View) Close() {
	v.detach()
	if v.watcher != nil {
		v.watcher.Close()
		v.watcher = nil
	}
	v.snap = snapshot{}
}

// ID is the mailbox.
func (v *View) ID() mail.MailboxID { return v.mailbox }

// Len is the number of messages: the highest sequence number.
func (v *View) Len() int { return v.snap.n }

// HighestModSeq is the mailbox's highest modseq as of the last Sync.
func (v *View) HighestModSeq() mail.ModSeq { return mail.ModSeq(max(v.modseq, 1)) }

// UIDAt is the UID of a sequence number, 1 to Len; 0 outside.
func (v *View) UIDAt(seq int) mail.UID {
	if seq < 1 || seq > v.snap.n {
		return 0
	}
	return v.snap.at(seq - 1).uid
}

// SeqOf is the sequence number of a UID.
func (v *View) SeqOf(uid mail.UID) (seq int, ok bool) {
	seq = v.SeqFrom(uid)
	return seq, v.UIDAt(seq) == uid && uid != 0
}

// SeqFrom is the first sequence number whose UID is at least uid; Len+1 if there is none.
func (v *View) SeqFrom(uid mail.UID) int { return v.snap.find(uid) + 1 }

// FirstUnseen is the first sequence number without \Seen; 0 if there is none.
func (v *View) FirstUnseen() int {
	first := 0
	v.snap.each(0, func(pos int, e *entry) bool {
		if e.marks.has(uint64(mail.FlagSeen)) {
			return true
		}
		first = pos + 1
		return false
	})
	return first
}

// Mailbox is the mailbox's state now, which may be ahead of the view.
func (v *View) Mailbox(ctx context.Context) (Mailbox, error) { return v.acc.ByID(ctx, v.mailbox) }

// Message is one message of the view; false outside 1 to Len.
func (v *View) Message(seq int) (Message, bool) {
	if seq < 1 || seq > v.snap.n {
		return Message{}, false
	}
	return v.message(v.snap.at(seq - 1)), true
}

func (v *View) message(e *entry) Message {
	return Message{
		UID:      e.uid,
		EmailID:  e.email,
		Flags:    e.marks.flags(),
		Keywords: v.keywords.list(e.marks),
		Size:     int64(e.size),
		Received: e.time(),
		ModSeq:   mail.ModSeq(e.modseq),
		Gone:     e.marks.has(markGone),
	}
}

// Each calls fn for the messages from one sequence number to another, both included, until it returns false. No lock is
// held while it runs. The messages are as of the last Sync.
func (v *View) Each(ctx context.Context, from, to int, fn func(seq int, m Message) bool) error {
	return v.Rows(ctx, from, to, func(seq int, r Row) bool { return fn(seq, r.Message()) })
}

// Row is a message of a view as far as its listing goes: Message without a copy. It is good until the view's next Sync.
type Row struct {
	v *View
	e *entry
}

// UID is the message's.
func (r Row) UID() mail.UID { return r.e.uid }

// EmailID is the e-mail's.
func (r Row) EmailID() mail.EmailID { return r.e.email }

// Flags are the system flags.
func (r Row) Flags() mail.Flags { return r.e.marks.flags() }

// Keywords are sorted. The caller must not change them.
func (r Row) Keywords() []string { return r.v.keywords.list(r.e.marks) }

// Size is in bytes.
func (r Row) Size() int64 { return int64(r.e.size) }

// Received is in seconds since 1970.
func (r Row) Received() int64 { return int64(r.e.received) }

// ModSeq is the number of the last change.
func (r Row) ModSeq() mail.ModSeq { return mail.ModSeq(r.e.modseq) }

// Gone says that the message is not there any more, of which the view's client has not heard yet.
func (r Row) Gone() bool { return r.e.marks.has(markGone) }

// Message copies all of it.
func (r Row) Message() Message { return r.v.message(r.e) }

// Row is one message of the view; false outside 1 to Len.
func (v *View) Row(seq int) (Row, bool) {
	if seq < 1 || seq > v.snap.n {
		return Row{}, false
	}
	return Row{v, v.snap.at(seq - 1)}, true
}

// Rows is Each for commands on very many messages.
func (v *View) Rows(ctx context.Context, from, to int, fn func(seq int, r Row) bool) error {
	var err error
	v.snap.each(max(from, 1)-1, func(pos int, e *entry) bool {
		if pos >= to {
			return false
		}
		if pos%1024 == 0 {
			if err = ctx.Err(); err != nil {
				return false
			}
		}
		return fn(pos+1, Row{v, e})
	})
	return fault(err)
}

// Watch hears of changes to the mailbox. There is one watcher per view, which lives as long as it.
func (v *View) Watch() *Watcher {
	if v.watcher == nil {
		v.watcher = v.acc.svc.hubs.watch(v.acc.id, v.mailbox)
	}
	return v.watcher
}
