package line

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// pair is a connection with real deadlines.
func pair(t *testing.T, cfg Config) (net.Conn, *Conn) {
	t.Helper()
	client, server := net.Pipe()
	c := NewConn(server, cfg)
	t.Cleanup(func() {
		_ = client.Close()
		_ = c.Close()
	})
	return client, c
}

// drip sends one byte after the other, as fast as they are taken, until the connection ends.
func drip(c net.Conn) {
	for {
		if _, err := c.Write([]byte("x")); err != nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestLineTimeoutIsForTheWholeLine(t *testing.T) {
	client, c := pair(t, Config{Line: 30 * time.Millisecond})
	go drip(client)
	if _, err := c.ReadLine(); !errors.Is(err, ErrTimeout) {
		t.Errorf("a dripping line: %v", err)
	}
}

func TestChunkTimeout(t *testing.T) {
	_, c := pair(t, Config{Chunk: time.Millisecond})
	if _, err := io.ReadAll(c.Dots()); !errors.Is(err, ErrTimeout) {
		t.Errorf("silent content: %v", err)
	}
}

func TestMinimumRate(t *testing.T) {
	client, c := pair(t, Config{Chunk: time.Minute, Grace: 20 * time.Millisecond, MinRate: 1 << 20})
	go drip(client)
	if _, err := io.ReadAll(c.Exactly(1 << 30)); !errors.Is(err, ErrTooSlow) {
		t.Errorf("dripping content: %v", err)
	}
}

func TestSessionEnds(t *testing.T) {
	client, c := pair(t, Config{Chunk: time.Minute, Line: time.Minute, Session: time.Now().Add(20 * time.Millisecond)})
	go drip(client)
	if _, err := io.ReadAll(c.Dots()); !errors.Is(err, ErrTimeout) {
		t.Errorf("content over the session's end: %v", err)
	}
	if _, err := c.ReadLine(); !errors.Is(err, ErrTimeout) {
		t.Errorf("a line after the session's end: %v", err)
	}
}

func TestWriteTimeout(t *testing.T) {
	_, c := pair(t, Config{Write: time.Millisecond})
	_, _ = c.WriteString("220 nobody reads this\r\n")
	if err := c.Flush(); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v", err)
	}
	if _, err := c.WriteString("more"); !errors.Is(err, ErrTimeout) {
		t.Errorf("a later write: %v", err)
	}
}

func TestInterrupt(t *testing.T) {
	client, c := pair(t, Config{Line: time.Minute, Chunk: time.Minute})
	c.Interrupt() // before the wait
	if _, err := c.ReadLine(); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("got %v", err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := c.ReadLine()
		read <- err
	}()
	if _, err := io.WriteString(client, "NO"); err != nil { // it waits, with half a line
		t.Fatal(err)
	}
	c.Interrupt()
	if err := <-read; !errors.Is(err, ErrInterrupted) {
		t.Fatalf("got %v", err)
	}
	go func() { _, _ = io.WriteString(client, "OP\r\n") }()
	if l, err := c.ReadLine(); string(l) != "NOOP" || err != nil {
		t.Errorf("after it %q, %v", l, err)
	}
}

func TestInterruptLeavesContentAlone(t *testing.T) {
	client, c := pair(t, Config{Line: time.Minute, Chunk: time.Minute})
	type result struct {
		content string
		err     error
	}
	read := make(chan result, 1)
	go func() {
		b, err := io.ReadAll(c.Dots())
		read <- result{string(b), err}
	}()
	_, _ = io.WriteString(client, "one\r\n")
	c.Interrupt()
	_, _ = io.WriteString(client, "two\r\n.\r\n")
	if r := <-read; r.content != "one\r\ntwo\r\n" || r.err != nil {
		t.Fatalf("content %q, %v", r.content, r.err)
	}
	if _, err := c.ReadLine(); !errors.Is(err, ErrInterrupted) {
		t.Errorf("the next line: %v", err)
	}
}

func TestEarlyTalker(t *testing.T) {
	client, c := pair(t, Config{})
	if err := c.WaitSilence(time.Millisecond); err != nil {
		t.Fatalf("a silent client: %v", err)
	}
	go func() { _, _ = io.WriteString(client, "EHLO me first\r\n") }()
	if err := c.WaitSilence(time.Minute); !errors.Is(err, ErrEarlyTalker) {
		t.Errorf("a talking client: %v", err)
	}
}
