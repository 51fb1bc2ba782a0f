package line

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// A connection that is closed while input is still arriving is reset, and what was sent last can be lost by it. So who is thrown out is
// heard out: his input is read and dropped until he has closed his side, up to these bounds, so that nobody can sit here.
const (
	hearBytes   = 4 << 20 // what a pipelining client may have on its way: the largest windows of the usual systems
	hearTime    = 5 * time.Second
	mostHearing = 256 // connections of one Farewells at a time; further ones are closed at once
)

// Farewells closes connections gently, only so many at a time. The zero Farewells is ready; share one per server.
type Farewells struct {
	Most  int           // zero means 256
	Time  time.Duration // for each; zero means 5 seconds
	heard atomic.Int64  // are being heard out now
}

// Close tells the peer that nothing more comes, hears him out, and closes the connection. The error is why he may not have read the last
// words.
func (f *Farewells) Close(nc net.Conn) error {
	most, d := int64(f.Most), f.Time
	if most == 0 {
		most = mostHearing
	}
	if d == 0 {
		d = hearTime
	}
	defer f.heard.Add(-1)
	if f.heard.Add(1) > most {
		return nc.Close()
	}
	return errors.Join(hearOut(nc, d), nc.Close())
}

func hearOut(nc net.Conn, d time.Duration) error {
	half, ok := nc.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := nc.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, io.LimitReader(nc, hearBytes))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
