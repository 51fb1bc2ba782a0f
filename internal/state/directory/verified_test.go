package directory

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// TestEqualLoginsWaitForOneHash has a login come while the same password is being hashed for another.
func TestEqualLoginsWaitForOneHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerified(clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
		m, other := mark{1}, mark{2}
		leave := v.turn(t.Context(), m)
		v.turn(t.Context(), other)()
		given, giveUp := context.WithCancel(t.Context())
		var through, knows, gaveUp bool
		go func() {
			v.turn(t.Context(), m)()
			through, knows = true, v.has(m)
		}()
		go func() {
			v.turn(given, m)()
			gaveUp = true
		}()
		synctest.Wait()
		if through || gaveUp {
			t.Fatal("it did not wait")
		}
		giveUp()
		synctest.Wait()
		if through || !gaveUp {
			t.Fatal("who gives up has not to wait, and the others have")
		}
		v.add(m)
		leave()
		synctest.Wait()
		if !through || !knows {
			t.Errorf("it goes on: %v, and knows that the password is right: %v", through, knows)
		}
		if len(v.now) != 0 {
			t.Errorf("%d are said to be hashed", len(v.now))
		}
	})
}

// TestWrongPasswordsDoNotWaitInARow has many with one wrong password: they wait for one hash, and not each for the next.
func TestWrongPasswordsDoNotWaitInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerified(clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
		first := v.turn(t.Context(), mark{1})
		hashing := 0
		leaves := make(chan func(), 10)
		for range 10 {
			go func() { leaves <- v.turn(t.Context(), mark{1}) }()
		}
		synctest.Wait()
		first()
		synctest.Wait()
		for range len(leaves) {
			(<-leaves)()
			hashing++
		}
		if hashing != 10 {
			t.Errorf("%d go on", hashing)
		}
	})
}
