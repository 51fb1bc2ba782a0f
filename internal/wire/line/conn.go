package line

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// The ways input can be wrong. After ErrTooLong the connection can go on with the next line; after any other, what
// follows has no meaning and the connection must end.
var (
	// ErrBareLF means an LF without a CR before it.
	ErrBareLF = errors.New("bare LF received; lines end with CRLF")
	// ErrBareCR means a CR without an LF after it.
	ErrBareCR = errors.New("bare CR received; lines end with CRLF")
	// ErrTooLong means a line over the maximum; it has been read to its end and thrown away.
	ErrTooLong = errors.New("line too long")
	// ErrEndless means a line so long that its end was not waited for.
	ErrEndless = errors.New("line without end")
	// ErrTimeout means a line or content did not arrive, or output was not taken, in its time.
	ErrTimeout = errors.New("timeout")
	// ErrTooSlow means content arrives below the minimum rate.
	ErrTooSlow = errors.New("data arrives too slowly")
	// ErrInjected means plaintext was pipelined behind the command that starts TLS (RFC 3207 section 4.2).
	ErrInjected = errors.New("data received in clear text behind the command that starts TLS")
	// ErrEarlyTalker means the peer spoke before its turn.
	ErrEarlyTalker = errors.New("data received before the greeting")
	// ErrInterrupted means Interrupt was called while a line was waited for. Nothing is lost: reading may go on.
	ErrInterrupted = errors.New("interrupted")
)

// IsBareNewline reports whether the error is a bare CR or a bare LF.
func IsBareNewline(err error) bool { return errors.Is(err, ErrBareLF) || errors.Is(err, ErrBareCR) }

// Config bounds a Conn. A zero time or rate means no bound of that sort; MaxLine zero means DefaultMaxLine.
type Config struct {
	MaxLine int           // of a line's length in bytes, without CRLF
	Line    time.Duration // for a whole line, counted from when it is waited for
	Chunk   time.Duration // for each read of content
	Write   time.Duration // for each write
	Grace   time.Duration // content may be slower than MinRate for this long
	MinRate int64         // of content, in bytes per second, on average, after Grace
	Session time.Time     // when everything ends; zero for never
	Idle    time.Duration // how long an empty buffer is kept while a line is waited for; zero means a second
	Pool    *Pool         // where buffers come from; nil for none
}

// DefaultMaxLine is what SMTP asks for at least, with room for parameters (RFC 5321 section 4.5.3.1.4).
const DefaultMaxLine = 2048

const (
	bufSize   = 8 << 10   // a buffer for lines, and for a small message whole
	largeSize = 32 << 10  // a buffer for content that is longer than two of those
	maxOut    = 32 << 10  // output is sent when this much waits, pipelining or not
	maxExcess = 128 << 10 // of a line that is too long, read and thrown away before giving up
	smallSize = 64        // what an idle connection waits with
)

// Pool keeps buffers of idle connections for busy ones, and counts those that are closed gently. The zero Pool is ready; share one per
// server.
type Pool struct {
	small, large sync.Pool
	farewells    Farewells
}

func (p *Pool) get() []byte {
	if p != nil {
		if b, ok := p.small.Get().(*[bufSize]byte); ok {
			return b[:]
		}
	}
	return make([]byte, bufSize)
}

func (p *Pool) getLarge() []byte {
	if p != nil {
		if b, ok := p.large.Get().(*[largeSize]byte); ok {
			return b[:]
		}
	}
	return make([]byte, largeSize)
}

func (p *Pool) put(b []byte) {
	switch {
	case p == nil:
	case cap(b) == bufSize:
		p.small.Put((*[bufSize]byte)(b[:bufSize]))
	case cap(b) == largeSize:
		p.large.Put((*[largeSize]byte)(b[:largeSize]))
	}
}

// Conn reads and writes one connection. One goroutine reads. Others may write meanwhile (IMAP's IDLE): the writing
// half has a lock of its own. Interrupt and Close may be called by anyone.
type Conn struct {
	cfg Config

	// The reading half, the reader's alone.
	buf   []byte // nil while idle
	r, w  int    // buf[r:w] is read and not yet used
	small [smallSize]byte
	meter meter
	park  parking

	dl struct { // guards the read deadline against a concurrent Interrupt
		sync.Mutex
		nc          net.Conn // also read by the reader without the lock: only the reader replaces it
		interrupted bool
	}

	out struct { // guards the writing half; held during a write, so that two writers' lines never mix
		sync.Mutex
		nc  net.Conn
		buf []byte
		err error // the first failure; every later write fails with it
	}
}

// NewConn takes over a connection; from now on nobody else reads or writes it.
func NewConn(nc net.Conn, cfg Config) *Conn {
	if cfg.MaxLine == 0 {
		cfg.MaxLine = DefaultMaxLine
	}
	if cfg.Idle == 0 {
		cfg.Idle = time.Second
	}
	c := &Conn{cfg: cfg}
	c.dl.nc, c.out.nc = nc, nc
	return c
}

// NetConn is the connection beneath; a *tls.Conn after Upgrade with one.
func (c *Conn) NetConn() net.Conn { return c.dl.nc }

// TLS is the state of TLS; nil in clear text.
func (c *Conn) TLS() *tls.ConnectionState {
	t, ok := c.dl.nc.(*tls.Conn)
	if !ok {
		return nil
	}
	s := t.ConnectionState()
	return &s
}

// SetMaxLine changes the longest line allowed (AUTH's are longer than others').
func (c *Conn) SetMaxLine(n int) { c.cfg.MaxLine = n }

// SetLineTimeout changes the time for a whole line (longer once logged in).
func (c *Conn) SetLineTimeout(d time.Duration) { c.cfg.Line = d }

// SetEnd changes when everything ends; the zero time is never.
func (c *Conn) SetEnd(t time.Time) { c.cfg.Session = t }

// Buffered is how many bytes have been received and not yet used.
func (c *Conn) Buffered() int { return c.w - c.r }

// Close closes the connection beneath without sending what waits; for a polite end Flush first. It also ends TLS.
func (c *Conn) Close() error {
	c.dl.Lock()
	nc := c.dl.nc
	c.dl.Unlock()
	return nc.Close()
}

// CloseGently sends what waits and closes the connection once the peer has had time to read it (Farewells): for last words to who may
// still be sending. The reader calls it.
func (c *Conn) CloseGently() error {
	if err := c.Flush(); err != nil {
		return errors.Join(err, c.Close())
	}
	c.r, c.w = 0, 0
	c.Release()
	if c.cfg.Pool == nil {
		return new(Farewells).Close(c.dl.nc)
	}
	return c.cfg.Pool.farewells.Close(c.dl.nc)
}

// Release hands the buffers back to the pool while nothing is in them; call it when the session is over. A wait for a
// line that takes longer than Config.Idle does it by itself.
func (c *Conn) Release() {
	if c.buf != nil && c.r == c.w {
		c.cfg.Pool.put(c.buf)
		c.buf, c.r, c.w = nil, 0, 0
	}
	c.out.Lock()
	defer c.out.Unlock()
	if c.out.buf != nil && len(c.out.buf) == 0 {
		c.cfg.Pool.put(c.out.buf)
		c.out.buf = nil
	}
}

// Upgrade replaces the connection beneath, for STARTTLS and COMPRESS: it sends what waits, then calls wrap with the old
// connection. Input that is already here was sent in clear text and meant to be taken for something else: then it
// fails with ErrInjected, wrap is not called, and the connection must end.
func (c *Conn) Upgrade(wrap func(net.Conn) net.Conn) error {
	if c.Buffered() > 0 {
		return ErrInjected
	}
	if err := c.Flush(); err != nil {
		return err
	}
	nc := wrap(c.dl.nc)
	c.dl.Lock()
	c.dl.nc = nc
	c.dl.Unlock()
	c.out.Lock()
	c.out.nc = nc
	c.out.Unlock()
	return nil
}

// Interrupt ends a ReadLine that waits for input, or the next one that would, with ErrInterrupted, once. Content that is being
// read is not disturbed. It is how a server tells an idle session that something else wants attention.
func (c *Conn) Interrupt() {
	c.dl.Lock()
	defer c.dl.Unlock()
	c.dl.interrupted = true
	_ = c.dl.nc.SetReadDeadline(time.Unix(1, 0)) // a failure means it is closed, and the reader hears of that
}

// WaitSilence waits for the given time and fails with ErrEarlyTalker if the peer sends something in it. What it sent is kept.
func (c *Conn) WaitSilence(d time.Duration) error {
	if c.Buffered() > 0 {
		return ErrEarlyTalker
	}
	err := c.fillBy(time.Now().Add(d), waitLine)
	switch {
	case err == nil:
		return ErrEarlyTalker
	case errors.Is(err, ErrTimeout):
		return nil
	}
	return err
}

type waitFor uint8

const (
	waitLine waitFor = iota
	waitContent
)

// fillBy reads more into the buffer, at least a byte, until the deadline (zero for none). Output that waits is sent first.
func (c *Conn) fillBy(deadline time.Time, what waitFor) error {
	if err := c.Flush(); err != nil {
		return err
	}
	if !c.cfg.Session.IsZero() && (deadline.IsZero() || deadline.After(c.cfg.Session)) {
		deadline = c.cfg.Session
	}
	for {
		until := c.keepBuffer(deadline, what)
		if err := c.setDeadline(until, what); err != nil {
			return err
		}
		n, err := c.read(what)
		if n > 0 {
			return nil
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if what == waitLine && c.takeInterrupt() {
			return ErrInterrupted
		}
		if what == waitContent && c.isInterrupted() && (deadline.IsZero() || time.Now().Before(deadline)) {
			continue // the interrupt is for the next line
		}
		if until.Equal(deadline) {
			return ErrTimeout
		}
		c.Release() // idle; wait on with the small buffer
		if c.park != stay {
			return ErrIdle
		}
	}
}

// keepBuffer says until when to wait with a buffer before it is handed back: a moment if it is empty and a line is waited for, else as
// long as there is time.
func (c *Conn) keepBuffer(deadline time.Time, what waitFor) time.Time {
	if what != waitLine || c.buf == nil && c.park == stay || c.r < c.w {
		return deadline
	}
	until := time.Now().Add(c.cfg.Idle)
	if c.park == parkNow {
		until = time.Unix(1, 0)
	}
	if !deadline.IsZero() && deadline.Before(until) {
		return deadline
	}
	return until
}

// read does one read into the free end of the buffer. A connection without a buffer waits for a line with a small one.
func (c *Conn) read(what waitFor) (int, error) {
	if c.buf == nil && what == waitLine {
		n, err := c.dl.nc.Read(c.small[:])
		if n > 0 {
			c.buf, c.r = c.cfg.Pool.get(), 0
			c.w = copy(c.buf, c.small[:n])
		}
		return n, err
	}
	if c.buf == nil {
		c.buf = c.cfg.Pool.get()
	}
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.w == len(c.buf) {
		c.makeRoom()
	}
	n, err := c.dl.nc.Read(c.buf[c.w:])
	c.w += n
	return n, err
}

// makeRoom moves what is unused to the front, or grows the buffer for a longer line.
func (c *Conn) makeRoom() {
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
		return
	}
	old := c.buf
	c.buf = make([]byte, 2*len(old))
	copy(c.buf, old[:c.w])
	c.cfg.Pool.put(old)
}

func (c *Conn) setDeadline(t time.Time, what waitFor) error {
	c.dl.Lock()
	defer c.dl.Unlock()
	if c.dl.interrupted && what == waitLine {
		c.dl.interrupted = false
		return ErrInterrupted
	}
	return c.dl.nc.SetReadDeadline(t)
}

func (c *Conn) isInterrupted() bool {
	c.dl.Lock()
	defer c.dl.Unlock()
	return c.dl.interrupted
}

func (c *Conn) takeInterrupt() bool {
	c.dl.Lock()
	defer c.dl.Unlock()
	was := c.dl.interrupted
	c.dl.interrupted = false
	return was
}

// eof makes the end of a connection in the middle of something an error that says so.
func eof(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
