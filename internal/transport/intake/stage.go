package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// arrival is a message whose header has been read and whose body is still to come.
type arrival struct {
	trace  trace
	header message.Header
	body   *buffer
	key    limit.Key // whom work on it is done for
}

// trace is what is written above a message's header.
type trace struct {
	text []byte
	skip int // bytes at its beginning that are not for other servers
}

// staged is a message whose bytes are in the store, waiting for their commit.
type staged struct {
	blob    store.StagedBlob
	summary *message.Summary
	skip    int64  // bytes at the beginning that are not for other servers
	abort   func() // gives the bytes up, if they will not be committed
}

// readHeader reads the header block of a message of at most most bytes, and leaves the body. The buffer is lent until the
// message is staged.
func readHeader(body *buffer, r io.Reader, most int64) (arrival, error) {
	body.bound = bounded{r: r, left: most, most: most}
	body.r.Reset(&body.bound)
	h, err := body.header.Read(body.r)
	if errors.Is(err, message.ErrHeaderTooLarge) {
		return arrival{}, mail.Refusef(mail.KindTooLarge, "the header is larger than %d bytes, or has too many fields", message.MaxHeader)
	}
	if err != nil {
		return arrival{}, err
	}
	return arrival{header: h, body: body}, nil
}

// stage writes the message into the store as it comes, and describes it on the way.
func (in *Intake) stage(ctx context.Context, a arrival) (staged, error) {
	w := in.o.Store.Stage(ctx)
	scanner := &a.body.scanner
	scanner.Reset()
	a.body.top = a.header.AppendTo(a.trace.text)
	both := tee{w: w, scanner: scanner, body: a.body, work: in.o.Work, key: a.key}
	defer a.body.place.Leave()
	_, err := both.Write(a.body.top)
	if err == nil {
		_, err = a.body.r.WriteTo(both) // through the buffer that is there
	}
	if err != nil {
		w.Abort()
		return staged{}, stageFault(err)
	}
	blob, err := w.Finish()
	if err != nil {
		w.Abort()
		return staged{}, stageFault(err)
	}
	return staged{blob: blob, summary: scanner.Close(), skip: int64(a.trace.skip), abort: w.Abort}, nil
}

// stageFault tells the store's troubles from the client's.
func stageFault(err error) error {
	if errors.Is(err, store.ErrFull) {
		return mail.Failed(mail.KindDiskFull, "no room to store the message now", err)
	}
	return fmt.Errorf("stage message: %w", err)
}

// tee writes to the store and to the scanner, which never fails, as long as there is room for what the scanner finds.
type tee struct {
	w       io.Writer
	scanner *message.Scanner
	body    *buffer
	work    *limit.Work
	key     limit.Key
}

// piece is how much of a message is read, and given to the scanner, at a time.
const piece = 8 << 10

// Write implements io.Writer.
func (t tee) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), piece)
		t.scan(rest[:n])
		if full := t.body.room.grow(t.scanner.Memory()); full != nil {
			return 0, full
		}
		rest = rest[n:]
	}
	t.body.place.Leave()
	return t.w.Write(p)
}

// scan looks at a piece, in a place of the lane if the message is a stranger's. Few messages of very many parts are looked at a time, so
// that nobody else waits behind all of them.
func (t tee) scan(p []byte) {
	if t.scanner.Memory() >= freeRoom {
		t.body.place.Leave()
		t.work.Do(t.key, func() { _, _ = t.scanner.Write(p) })
		return
	}
	effort := t.body.room.effort()
	t.body.place.Yield(effort)
	t.body.place.Enter(effort)
	_, _ = t.scanner.Write(p)
}

// buffer is the memory that a message goes through.
type buffer struct {
	r       *bufio.Reader
	bound   bounded
	meter   metered
	room    holding
	place   limit.Place
	header  message.HeaderReader
	scanner message.Scanner
	top     []byte // what is above the body
}

// keepTop is the largest memory for what is above a body that is kept for the next message.
const keepTop = 16 << 10

// buffer lends a buffer; give it back with release.
func (in *Intake) buffer() *buffer { return in.buffers.Get().(*buffer) }

func (in *Intake) release(b *buffer) {
	b.bound, b.meter, b.room, b.place = bounded{}, metered{}, holding{}, limit.Place{}
	b.r.Reset(nil)
	b.scanner.Reset()
	if cap(b.top) > keepTop {
		b.top = nil
	}
	in.buffers.Put(b)
}

// bounded ends a message that is too large with a fault.
type bounded struct {
	r          io.Reader
	left, most int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, tooLarge(b.most)
	}
	return n, err
}

// plainReader makes every line break CRLF in what comes from this machine's own programs, which write lines as the system
// does. What comes over SMTP is left as it is.
func (t *Transaction) plainReader(r io.Reader) io.Reader {
	if t.src.Protocol != obs.ProtoLocal {
		return r
	}
	return &crlfReader{r: bufio.NewReader(r)}
}

// crlfReader puts a CR before each LF that has none.
type crlfReader struct {
	r      *bufio.Reader
	lastCR bool
	owed   bool // an LF whose CR was the last byte that had room
}

// Read implements io.Reader.
func (c *crlfReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if c.owed {
			p[n], c.owed = '\n', false
			n++
			continue
		}
		if n > 0 && c.r.Buffered() == 0 {
			return n, nil
		}
		b, err := c.r.ReadByte()
		if err != nil {
			if n > 0 {
				return n, nil // a reader that failed fails again
			}
			return 0, err
		}
		if b == '\n' && !c.lastCR {
			b, c.owed = '\r', true
		}
		c.lastCR = b == '\r' && !c.owed
		p[n] = b
		n++
	}
	return n, nil
}
