package mailbox

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

func hashOf(n int) (h threadHash) {
	sum := sha256.Sum256(fmt.Append(nil, n))
	copy(h[:], sum[:])
	return h
}

func TestKnownHashes(t *testing.T) {
	k := newKnown(0)
	k.ready.Store(true)
	for n := range knownAtLeast {
		k.add(hashOf(n))
	}
	wrong := 0
	for n := range 2 * knownAtLeast {
		lacks := k.lacks([]threadHash{hashOf(n)})
		if n < knownAtLeast && lacks {
			t.Fatalf("hash %d was forgotten", n)
		}
		if n >= knownAtLeast && !lacks {
			wrong++
		}
	}
	if wrong > knownAtLeast/100 {
		t.Errorf("%d of %d hashes are taken for known", wrong, knownAtLeast)
	}
	if k.room.Load() != 0 {
		t.Errorf("room for %d more", k.room.Load())
	}
}

// TestNoFilterForAForgottenAccount counts no memory for a filter that nobody will ever give back.
func TestNoFilterForAForgottenAccount(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	w.deliver(a, 1)
	st, err := w.svc.acquire(t.Context(), a.ID())
	ok(t, err)
	st.discard()
	w.svc.forget(st)
	ok(t, st.learn(t.Context()))
	if n := w.svc.known.Load(); n != 0 || st.known.Load() != nil {
		t.Errorf("%d bytes are counted", n)
	}
}

// TestThreadsWithFilter joins threads that began before the filter was made, while it is there, and after it was thrown away.
func TestThreadsWithFilter(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	deliver := func(id string, refs ...string) mail.ThreadID {
		t.Helper()
		s := w.stage(id)
		ap, err := a.Append(t.Context(), Append{Role: mail.RoleInbox, Summary: summaryOf(9, id, "subject", refs...)}, s)
		if err != nil {
			t.Fatal(err)
		}
		return ap.Thread
	}
	var threads []mail.ThreadID
	const n = 4 * learnAfter
	for i := range n {
		threads = append(threads, deliver(fmt.Sprintf("<%d@test>", i)))
	}
	st := w.svc.accounts[a.ID()]
	k := st.known.Load()
	if k == nil || !k.ready.Load() || w.svc.known.Load() != k.bytes() {
		t.Fatal("there is no filter")
	}
	reply := 0
	answer := func() {
		t.Helper()
		for i := 0; i < n; i += 7 {
			reply++
			if got := deliver(fmt.Sprintf("<answer%d@test>", reply), fmt.Sprintf("<%d@test>", i)); got != threads[i] {
				t.Errorf("the answer to %d is in another thread", i)
			}
		}
	}
	answer()
	k.room.Store(-1) // full: made anew
	answer()
	if st.known.Load() == k {
		t.Error("a full filter is kept")
	}
	w.svc.mu.Lock()
	w.svc.evict(st)
	w.svc.mu.Unlock()
	if used := w.svc.known.Load(); used != 0 {
		t.Errorf("%d bytes are counted for no filter", used)
	}
	answer()
}
