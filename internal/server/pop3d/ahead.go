package pop3d

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// A client that takes one message after the other finds the next ones opened already: as many as it asked for together last time, which
// is done while it digests those.
const (
	aheadRefs   = 256      // messages whose bodies are looked for at once
	aheadBodies = 32       // bodies that are open at most
	aheadSize   = 64 << 10 // of them together; a larger one is not opened before it is asked for, as it would hold old data on the disk
)

// ahead is what is known of messages before they are asked for. It is good only for messages whose sequence numbers do not move, as
// those of a maildrop.
type ahead struct {
	refs   []store.BlobRef // from message number first on; zero: not there
	first  int
	bodies []store.Blob // open, from message number next on
	next   int
}

// drop closes the first n of the open bodies.
func (a *ahead) drop(n int) {
	for _, b := range a.bodies[:n] {
		_ = b.Close() // it was never read
	}
	a.bodies = slices.Delete(a.bodies, 0, n)
	a.next += n
}

func (a *ahead) close() { a.drop(len(a.bodies)) }

// open opens a message's body. It must be closed.
func (d *maildrop) open(ctx context.Context, n int, m mailbox.Message) (store.Blob, error) {
	a := &d.ahead
	if i := n - a.next; i >= 0 && i < len(a.bodies) {
		a.drop(i)
		b := a.bodies[0]
		a.bodies = slices.Delete(a.bodies, 0, 1)
		a.next++
		return b, nil
	}
	if n == a.first+len(a.refs) && len(a.refs) > 0 {
		d.findAhead(ctx, n)
	}
	if i := n - a.first; i >= 0 && i < len(a.refs) && a.refs[i] != (store.BlobRef{}) {
		return d.account.OpenBody(ctx, a.refs[i])
	}
	return d.account.Body(ctx, m.EmailID)
}

// openAhead opens the count messages that will be asked for next, as it seems, or what there is room for. What goes wrong will be
// told if they are.
func (d *maildrop) openAhead(ctx context.Context, n, count int) {
	d.ahead.close()
	room := int64(aheadSize)
	var bodies []store.Blob
	for i := n; i < n+min(count, aheadBodies); i++ {
		m, ok := d.message(i)
		if room -= m.Size; !ok || room < 0 {
			break
		}
		if at := i - d.ahead.first; at < 0 || at >= len(d.ahead.refs) {
			d.findAhead(ctx, i)
		}
		b, err := d.open(ctx, i, m)
		if err != nil {
			break
		}
		bodies = append(bodies, b)
	}
	d.ahead.next, d.ahead.bodies = n, bodies
}

// findAhead looks for the bodies of the messages from number n on.
func (d *maildrop) findAhead(ctx context.Context, n int) {
	count := min(aheadRefs, d.view.Len()-n+1)
	ids := make([]mail.EmailID, count)
	for i := range ids {
		m, _ := d.view.Message(n + i)
		ids[i] = m.EmailID
	}
	d.ahead.first, d.ahead.refs = n, make([]store.BlobRef, count)
	err := d.account.BodyRefs(ctx, ids, func(i int, ref store.BlobRef) error {
		d.ahead.refs[i] = ref
		return nil
	})
	if err != nil {
		d.ahead.refs = nil
	}
}
