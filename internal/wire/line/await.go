package line

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// ErrIdle means that nothing was sent for a while: the caller may leave its deep stack, call Await from a shallow one, and then read
// on.
var ErrIdle = errors.New("nothing to read for now")

// ReadLineOrIdle is ReadLine, but fails with ErrIdle when no line has begun to come for the time of Config.Idle.
func (c *Conn) ReadLineOrIdle() ([]byte, error) {
	c.park = parkLater
	defer func() { c.park = stay }()
	return c.ReadLine()
}

// ReadLineIfHere is ReadLine, but fails with ErrIdle at once when nothing of a line is here: in the buffer, or in that of TLS. After
// it and ReadLineOrIdle, Await misses nothing.
func (c *Conn) ReadLineIfHere() ([]byte, error) {
	c.park = parkNow
	defer func() { c.park = stay }()
	return c.ReadLine()
}

// parking says when waiting for a line ends with ErrIdle.
type parking uint8

const (
	stay parking = iota // never
	parkLater
	parkNow
)

// Await waits until there is something to read, as long as a line may take (Config.Line). It holds no buffer and hardly any stack
// meanwhile. Call it only after ErrIdle. It fails as ReadLine does: with ErrInterrupted, ErrTimeout, or why output that waited could not be sent. The end of
// the connection is something to read.
func (c *Conn) Await() error {
	if c.Buffered() > 0 {
		return nil
	}
	if err := c.Flush(); err != nil {
		return err
	}
	c.Release()
	deadline := c.cfg.Session
	if c.cfg.Line > 0 {
		if until := time.Now().Add(c.cfg.Line); deadline.IsZero() || until.Before(deadline) {
			deadline = until
		}
	}
	if err := c.setDeadline(deadline, waitLine); err != nil {
		return err
	}
	raw := rawConn(c.dl.nc)
	var err error
	if raw != nil {
		err = raw.Read(readable)
	} else {
		_, err = c.read(waitLine)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // what else is wrong the next read tells
	}
	if c.takeInterrupt() {
		return ErrInterrupted
	}
	return ErrTimeout
}

// rawConn finds the socket beneath; nil if there is none.
func rawConn(nc net.Conn) syscall.RawConn {
	for {
		switch t := nc.(type) {
		case *tls.Conn:
			nc = t.NetConn()
		case syscall.Conn:
			raw, err := t.SyscallConn()
			if err != nil {
				return nil
			}
			return raw
		case interface{ NetConn() net.Conn }:
			nc = t.NetConn()
		default:
			return nil
		}
	}
}

// readable reports whether a read would not wait.
func readable(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
	return !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
}
