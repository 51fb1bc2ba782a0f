package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// arrival is a message whose header has been read and whose body is still to come.
type arrival struct {
	trace  trace
	header message.Header
	body   *bufio.Reader
}

// trace is what is written above a message's header. Other servers get it without the Return-Path.
type trace struct{ returnPath, deliveredTo, received string }

// staged is a message whose bytes are in the store, waiting for their commit.
type staged struct {
	blob    store.StagedBlob
	summary *message.Summary
	skip    int64  // bytes at the beginning that are not for other servers
	abort   func() // gives the bytes up, if they will not be committed
}

// readHeader reads the header block of a message of at most most bytes, and leaves the body. The buffer is lent until the
// message is staged.
func readHeader(body *bufio.Reader, r io.Reader, most int64) (arrival, error) {
	body.Reset(&bounded{r: r, left: most, most: most})
	h, err := message.ReadHeader(body)
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
	var scanner message.Scanner
	both := tee{w: w, scanner: &scanner}
	top := append([]byte(a.trace.returnPath+a.trace.deliveredTo+a.trace.received), a.header.AppendTo(nil)...)
	_, err := both.Write(top)
	if err == nil {
		_, err = a.body.WriteTo(both) // through the buffer that is there
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
	return staged{blob: blob, summary: scanner.Close(), skip: int64(len(a.trace.returnPath)), abort: w.Abort}, nil
}

// stageFault tells the store's troubles from the client's.
func stageFault(err error) error {
	if errors.Is(err, store.ErrFull) {
		return mail.Failed(mail.KindDiskFull, "no room to store the message now", err)
	}
	return fmt.Errorf("stage message: %w", err)
}

// tee writes to the store and to the scanner, which never fails.
type tee struct {
	w       io.Writer
	scanner *message.Scanner
}

// Write implements io.Writer.
func (t tee) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	_, _ = t.scanner.Write(p[:n])
	return n, err
}

// buffer lends a buffer to read a message through; give it back with release.
func (in *Intake) buffer() *bufio.Reader { return in.buffers.Get().(*bufio.Reader) }

func (in *Intake) release(b *bufio.Reader) {
	b.Reset(nil)
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
