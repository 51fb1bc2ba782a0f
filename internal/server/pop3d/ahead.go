package pop3d

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// A client that takes one message after the other finds the next one opened already: that is done while it digests the last.
const (
	aheadRefs = 256      // messages whose bodies are looked for at once
	aheadSize = 64 << 10 // a larger body is not opened before it is asked for; it would hold old data on the disk
)

// ahead is what is known of messages before they are asked for. It is good only for messages whose sequence numbers do not move, as
// those of a maildrop.
type ahead struct {
	refs  []store.BlobRef // from message number first on; zero: not there
	first int
	n     int        // the message that is open
	body  store.Blob // nil if none is
}

func (a *ahead) close() {
	if a.body != nil {
		_ = a.body.Close() // it was never read
		a.body = nil
	}
}

// open opens a message's body. It must be closed.
func (d *maildrop) open(ctx context.Context, n int, m mailbox.Message) (store.Blob, error) {
	if d.ahead.body != nil && d.ahead.n == n {
		b := d.ahead.body
		d.ahead.body = nil
		return b, nil
	}
	if i := n - d.ahead.first; i >= 0 && i < len(d.ahead.refs) && d.ahead.refs[i] != (store.BlobRef{}) {
		return d.account.OpenBody(ctx, d.ahead.refs[i])
	}
	return d.account.Body(ctx, m.EmailID)
}

// openAhead opens a message that will be asked for next, as it seems. What goes wrong will be told if it is.
func (d *maildrop) openAhead(ctx context.Context, n int) {
	d.ahead.close()
	m, ok := d.message(n)
	if !ok || m.Size > aheadSize {
		return
	}
	if i := n - d.ahead.first; i < 0 || i >= len(d.ahead.refs) {
		d.findAhead(ctx, n)
	}
	if b, err := d.open(ctx, n, m); err == nil {
		d.ahead.n, d.ahead.body = n, b
	}
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
