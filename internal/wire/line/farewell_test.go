package line

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// connected are the two ends of a connection; the server's is closed by the test.
func connected(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// TestLastWordsAreRead: a client that sends much more before it reads, reads the last words and no error.
func TestLastWordsAreRead(t *testing.T) {
	for _, pool := range []*Pool{nil, {}} {
		client, server := connected(t)
		sent := make(chan error, 1)
		go func() {
			_, err := client.Write(bytes.Repeat([]byte("NOOP\r\n"), 400_000))
			sent <- errors.Join(err, client.CloseWrite())
		}()
		c := NewConn(server, Config{Pool: pool})
		if _, err := c.ReadLine(); err != nil {
			t.Fatal(err)
		}
		_, _ = c.WriteString("last words\r\n")
		if err := c.CloseGently(); err != nil {
			t.Error(err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(client); err != nil || string(got) != "last words\r\n" {
			t.Errorf("the client read %q, %v", got, err)
		}
	}
}

// TestNobodyIsHeardOutForEver: who sends without end, and who says nothing, has the connection closed.
func TestNobodyIsHeardOutForEver(t *testing.T) {
	client, server := connected(t)
	ended := make(chan int64)
	go func() {
		var n int64
		for {
			k, err := client.Write(make([]byte, 64<<10))
			if n += int64(k); err != nil {
				ended <- n
				return
			}
		}
	}()
	if err := new(Farewells).Close(server); err != nil {
		t.Error(err)
	}
	if n := <-ended; n < hearBytes {
		t.Errorf("only %d bytes were taken", n)
	}
	client, server = connected(t)
	if err := (&Farewells{Time: time.Millisecond}).Close(server); err != nil {
		t.Error(err)
	}
	if _, err := server.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection is open: %v", err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestFewAreHeardOutAtATime: one too many has its connection closed at once.
func TestFewAreHeardOutAtATime(t *testing.T) {
	f := &Farewells{Most: 1, Time: time.Hour}
	first, server := connected(t)
	done := make(chan error)
	go func() { done <- f.Close(server) }()
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // it is being heard out
		t.Fatal(err)
	}
	_, second := connected(t)
	if err := f.Close(second); err != nil {
		t.Error(err)
	}
	_ = first.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := f.heard.Load(); n != 0 {
		t.Errorf("%d are counted when all are gone", n)
	}
}
