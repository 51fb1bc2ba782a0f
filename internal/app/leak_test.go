package app

import (
	"net"
	"testing"

	"go.uber.org/goleak"

	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
)

// TestNothingIsLeftBehind holds every part to the law that a goroutine has an owner and an end.
func TestNothingIsLeftBehind(t *testing.T) {
	before := goleak.IgnoreCurrent() // the test of a failing disk leaves the engine's behind
	a, stop := start(t, testConfig(t), testWorld())
	if _, err := a.Admin().AddDomain(t.Context(), adminapi.NewDomain{Name: "nord.test"}); err != nil {
		t.Fatal(err)
	}
	var open []net.Conn
	for _, name := range []string{"smtp", "submission", "imap", "pop3", "imaps"} {
		conn, err := net.Dial("tcp", a.Addr(name).String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	for _, conn := range open {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
