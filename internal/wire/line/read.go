package line

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// ReadLine reads one line and returns it without its CRLF. It is valid until the next read. A connection that ends between lines
// is io.EOF, within one io.ErrUnexpectedEOF.
func (c *Conn) ReadLine() ([]byte, error) {
	var deadline time.Time
	for searched := 0; ; {
		if l, ok, err := c.lineInBuffer(searched); ok || err != nil {
			return l, err
		}
		searched = c.Buffered()
		if deadline.IsZero() && c.cfg.Line > 0 {
			deadline = time.Now().Add(c.cfg.Line)
		}
		if searched > c.cfg.MaxLine+1 {
			return nil, c.skipLine(deadline)
		}
		if err := c.fillBy(deadline, waitLine); err != nil {
			if searched > 0 {
				err = eof(err)
			}
			return nil, err
		}
	}
}

// lineInBuffer takes a line out of the buffer if all of it is there and it is not too long; the first searched bytes are known to hold no LF.
func (c *Conn) lineInBuffer(searched int) ([]byte, bool, error) {
	i := bytes.IndexByte(c.buf[c.r+searched:c.w], '\n')
	if i < 0 {
		return nil, false, nil
	}
	end := c.r + searched + i
	if end-c.r > c.cfg.MaxLine+1 {
		return nil, false, nil // too long, whatever is in it, as if it had come in pieces
	}
	if end == c.r || c.buf[end-1] != '\r' {
		return nil, false, ErrBareLF
	}
	l := c.buf[c.r : end-1]
	if bytes.IndexByte(l, '\r') >= 0 {
		return nil, false, ErrBareCR
	}
	c.r = end + 1
	return l, true, nil
}

// skipLine throws the rest of a line away that is too long already.
func (c *Conn) skipLine(deadline time.Time) error {
	for skipped := 0; skipped <= maxExcess; {
		b := c.buf[c.r:c.w]
		if i := bytes.Index(b, crlf); i >= 0 {
			c.r += i + 2
			return ErrTooLong
		}
		keep := 0
		if len(b) > 0 && b[len(b)-1] == '\r' {
			keep = 1
		}
		skipped += len(b) - keep
		c.r = c.w - keep
		if err := c.fillBy(deadline, waitLine); err != nil {
			return eof(err)
		}
	}
	return ErrEndless
}

// meter bounds the time of content.
type meter struct {
	start time.Time
	bytes int64
}

func (c *Conn) startContent() { c.meter = meter{} }

// fillContent reads more content into the buffer, under the time limits for content.
func (c *Conn) fillContent() error {
	now := time.Now()
	if c.meter.start.IsZero() {
		c.meter.start = now
	}
	deadline, slow := c.contentDeadline(now)
	if c.meter.bytes > 2*bufSize && len(c.buf) == bufSize && c.Buffered() == 0 {
		c.cfg.Pool.put(c.buf)
		c.buf, c.r, c.w = c.cfg.Pool.getLarge(), 0, 0
	}
	before := c.Buffered()
	err := c.fillBy(deadline, waitContent)
	if errors.Is(err, ErrTimeout) && slow {
		err = ErrTooSlow
	}
	c.meter.bytes += int64(c.Buffered() - before)
	return eof(err)
}

// contentDeadline is until when the next byte must be here, and whether it is the minimum rate that says so.
func (c *Conn) contentDeadline(now time.Time) (deadline time.Time, slow bool) {
	if c.cfg.Chunk > 0 {
		deadline = now.Add(c.cfg.Chunk)
	}
	if c.cfg.MinRate <= 0 {
		return deadline, false
	}
	paid := time.Duration(float64(c.meter.bytes) / float64(c.cfg.MinRate) * float64(time.Second))
	rate := c.meter.start.Add(c.cfg.Grace + paid)
	if deadline.IsZero() || rate.Before(deadline) {
		return rate, true
	}
	return deadline, false
}

// Exactly gives the next n bytes as a stream: a BDAT chunk (RFC 3030) or an IMAP literal. The stream must be read to
// its end, or Skip called, before the next line is read. It ends with io.EOF; a connection that ends too early is
// io.ErrUnexpectedEOF.
func (c *Conn) Exactly(n int64) *ExactReader {
	c.startContent()
	return &ExactReader{c: c, left: n}
}

// ExactReader is a counted piece of the input.
type ExactReader struct {
	c    *Conn
	left int64
}

// Left is how many bytes are still to come.
func (e *ExactReader) Left() int64 { return e.left }

// Read implements io.Reader.
func (e *ExactReader) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if e.c.Buffered() == 0 {
		if err := e.c.fillContent(); err != nil {
			return 0, err
		}
	}
	n := copy(p[:min(int64(len(p)), e.left)], e.c.buf[e.c.r:e.c.w])
	e.c.r += n
	e.left -= int64(n)
	return n, nil
}

// Skip reads the rest and throws it away.
func (e *ExactReader) Skip() error {
	for e.left > 0 {
		if e.c.Buffered() == 0 {
			if err := e.c.fillContent(); err != nil {
				return err
			}
		}
		n := min(int64(e.c.Buffered()), e.left)
		e.c.r += int(n)
		e.left -= n
	}
	return nil
}
