package main

import "testing"

const someTraces = `File: posthorn
Type: cpu
Duration: 4s, Total samples = 100us
-----------+-------------------------------------------------------
      40us   runtime.memmove
             bytes.(*Buffer).Write
             github.com/posthorn-mail/posthorn/internal/wire/message.(*Scanner).line (inline)
             github.com/posthorn-mail/posthorn/internal/transport/intake.(*Incoming).Body
-----------+-------------------------------------------------------
      30us   internal/runtime/syscall.Syscall6
             syscall.write
             internal/poll.(*FD).Write
             net.(*conn).Write
             github.com/posthorn-mail/posthorn/internal/wire/line.(*Conn).Flush
-----------+-------------------------------------------------------
      20us   github.com/cockroachdb/pebble/v2/internal/arenaskl.(*Skiplist).findSplice
             github.com/cockroachdb/pebble/v2.(*memTable).apply
             github.com/cockroachdb/pebble/v2.(*DB).commitApply
-----------+-------------------------------------------------------
      10us   runtime.futex
             runtime.findRunnable
             runtime.mcall
`

func TestSumShares(t *testing.T) {
	s, err := sumShares([]byte(someTraces))
	if err != nil {
		t.Fatal(err)
	}
	want := []part{{"wire/message", 0.04}, {"socket: write", 0.03}, {"Pebble: memtable", 0.02}, {"Go's scheduler and timers", 0.01}}
	if len(s.parts) != len(want) {
		t.Fatalf("%+v", s.parts)
	}
	for i, p := range s.parts {
		if p != want[i] {
			t.Errorf("part %d is %+v, want %+v", i, p, want[i])
		}
	}
	if _, err := sumShares([]byte("File: posthorn\n")); err == nil {
		t.Error("an empty profile has shares")
	}
}
