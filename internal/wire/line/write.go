package line

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"
)

// Write adds to what waits to be sent. It is sent by the next read that has to wait, by Flush, or when much has
// gathered. The first failure stays: all later writes fail with it.
func (c *Conn) Write(p []byte) (int, error) {
	c.out.Lock()
	defer c.out.Unlock()
	if c.out.err != nil {
		return 0, c.out.err
	}
	if len(c.out.buf)+len(p) > maxOut {
		if err := c.flushLocked(); err != nil {
			return 0, err
		}
		if len(p) > maxOut {
			return c.send(p)
		}
	}
	c.makeRoomLocked(len(p))
	c.out.buf = append(c.out.buf, p...)
	return len(p), nil
}

// makeRoomLocked sees to a buffer for n more bytes: a small one for answers, a large one for content. Both come from the pool, or
// a body that is streamed out would leave a trail of grown buffers behind.
func (c *Conn) makeRoomLocked(n int) {
	have := len(c.out.buf)
	switch {
	case have+n <= cap(c.out.buf):
	case have+n > bufSize:
		large := append(c.cfg.Pool.getLarge()[:0], c.out.buf...)
		c.cfg.Pool.put(c.out.buf)
		c.out.buf = large
	default:
		c.out.buf = c.cfg.Pool.get()[:0]
	}
}

// WriteString is Write for a string.
func (c *Conn) WriteString(s string) (int, error) {
	c.out.Lock()
	if c.out.err == nil && len(c.out.buf)+len(s) <= maxOut {
		c.makeRoomLocked(len(s))
		c.out.buf = append(c.out.buf, s...)
		c.out.Unlock()
		return len(s), nil
	}
	c.out.Unlock()
	return c.Write([]byte(s))
}

// Flush sends what waits.
func (c *Conn) Flush() error {
	c.out.Lock()
	defer c.out.Unlock()
	if c.out.err != nil {
		return c.out.err
	}
	return c.flushLocked()
}

// Sent reports whether all that was written has been sent: nothing of it waits, and nothing has failed.
func (c *Conn) Sent() bool {
	c.out.Lock()
	defer c.out.Unlock()
	return c.out.err == nil && len(c.out.buf) == 0
}

func (c *Conn) flushLocked() error {
	if len(c.out.buf) == 0 {
		return nil
	}
	_, err := c.send(c.out.buf)
	if cap(c.out.buf) > bufSize {
		c.cfg.Pool.put(c.out.buf) // not kept while idle
		c.out.buf = nil
		return err
	}
	c.out.buf = c.out.buf[:0]
	return err
}

func (c *Conn) send(p []byte) (int, error) {
	var deadline time.Time
	if c.cfg.Write > 0 {
		deadline = time.Now().Add(c.cfg.Write)
	}
	err := c.out.nc.SetWriteDeadline(deadline)
	n := 0
	if err == nil {
		n, err = c.out.nc.Write(p)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ErrTimeout
	}
	c.out.err = err
	return n, err
}

// DotWriter writes content as DATA and POP3 want it: a dot before each line that starts with one, and a line of a
// single dot at the end (RFC 5321 section 4.5.2). Content with a bare CR or LF cannot be sent this way (RFC 3030
// section 3) and fails with ErrBareCR or ErrBareLF; the connection must then end without Close, or the other side
// would take what it has for the whole message.
type DotWriter struct {
	w      io.Writer
	inLine bool // not at the start of a line
	cr     bool // the last byte was a CR
	err    error
}

// NewDotWriter starts content on w.
func NewDotWriter(w io.Writer) *DotWriter { return &DotWriter{w: w} }

// Write implements io.Writer.
func (d *DotWriter) Write(p []byte) (int, error) {
	written := 0
	for d.err == nil && written < len(p) {
		if !d.inLine && !d.cr && p[written] == '.' {
			d.write([]byte("."))
		}
		n, err := d.run(p[written:])
		d.write(p[written : written+n])
		written += n
		if d.err == nil {
			d.err = err
		}
	}
	return written, d.err
}

func (d *DotWriter) write(p []byte) {
	if d.err == nil && len(p) > 0 {
		_, d.err = d.w.Write(p)
	}
}

// Close ends the content: with CRLF if the last line has none, and the final line. It does not flush w.
func (d *DotWriter) Close() error {
	if d.cr && d.err == nil {
		d.err = ErrBareCR
	}
	if d.inLine {
		d.write(crlf)
	}
	d.write(finalLine)
	if d.err != nil {
		return d.err
	}
	d.err = os.ErrClosed
	return nil
}

// run is how much of p, which is not empty, can be written before the next line that starts with a dot.
func (d *DotWriter) run(p []byte) (int, error) {
	n, lines := 0, 0
	if d.cr {
		if p[0] != '\n' {
			return 0, ErrBareCR
		}
		n, lines = 1, 1
		d.cr, d.inLine = false, false
	}
	first := n == 0 // the dot of the first line is stuffed already
	for n < len(p) && (first || p[n] != '.') {
		first = false
		i := bytes.IndexByte(p[n:], '\r')
		if i < 0 {
			n, d.inLine = len(p), true
			break
		}
		cr := n + i
		if cr+1 == len(p) {
			d.inLine, d.cr = d.inLine || i > 0, true
			n = len(p)
			break
		}
		if p[cr+1] != '\n' {
			return 0, ErrBareCR
		}
		n = cr + 2
		lines++
		d.inLine = false
	}
	if bytes.Count(p[:n], lf) != lines {
		return 0, ErrBareLF
	}
	return n, nil
}
