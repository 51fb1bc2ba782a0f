package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// TestLivingMailIsAtHand offers far more for each destination than the window has room for before it has answered. All of it can be sent
// without another look at the disk.
func TestLivingMailIsAtHand(t *testing.T) {
	const destinations, each = 400, 10
	o := Options{Window: 2000, Concurrency: 20, PerDestination: 2, Destination: func(d mail.Domain) string { return string(d) }}
	w := newWindow(&o)
	for i := range destinations * each {
		r := ref{id: mail.MessageID{ID: mail.NewID(start)}}
		w.offer(dueRow{ref: r, due: start, urgent: start.Add(time.Hour), domain: mail.Domain(fmt.Sprintf("d%d.test", i%destinations))}, start)
	}
	if w.shelved < destinations*each/2 {
		t.Fatalf("only %d on the shelves", w.shelved)
	}
	sent := make(map[ref]bool)
	for {
		s, ok := w.take(start)
		if !ok {
			break
		}
		if sent[s.ref] {
			t.Fatal("one comes twice")
		}
		sent[s.ref] = true
		w.finish(s, spoken, start)
		delete(w.known, s.ref)
	}
	if len(sent) != destinations*each || w.shelved != 0 || w.lap {
		t.Errorf("%d were tried, %d are left on the shelves, another lap: %v", len(sent), w.shelved, w.lap)
	}
}

// TestChangedOnTheShelf cancels and holds what is on the shelf of a destination that then answers.
func TestChangedOnTheShelf(t *testing.T) {
	f := newOffice(t, Options{Window: 32})
	f.jobs.gate = make(chan struct{})
	var ms []Message
	for range 20 {
		m := f.message("a@x.test")
		f.store(&m)
		ms = append(ms, m)
	}
	f.run()
	<-f.jobs.came
	waitFor(t, func() bool {
		f.q.mu.Lock()
		defer f.q.mu.Unlock()
		return f.q.win.shelved > 0 && len(f.q.win.known)+f.q.win.shelved == len(ms)
	})
	f.q.mu.Lock()
	var shelf []mail.MessageID
	for _, s := range f.q.win.dests["x.test"].shelf {
		shelf = append(shelf, s.ref.id)
	}
	f.q.mu.Unlock()
	for i, id := range shelf {
		change := f.q.Cancel
		if i%2 == 0 {
			change = f.q.Hold
		}
		if err := change(t.Context(), id, "admin"); err != nil {
			t.Fatal(err)
		}
	}
	f.jobs.release()
	f.settled()
	if got, want := len(f.jobs.attempts()), len(ms)-len(shelf); got != want {
		t.Errorf("%d attempts, want %d", got, want)
	}
	f.expectRows((len(shelf) + 1) / 2) // those that are held
}

// TestShelvesAreBounded offers more than there is room for, and lets the shelves go when their destinations die.
func TestShelvesAreBounded(t *testing.T) {
	o := Options{Window: 64, Concurrency: 4, PerDestination: 2, Destination: func(d mail.Domain) string { return string(d) }}
	w := newWindow(&o)
	now := start
	for i := range 10_000 {
		w.offer(dueRow{ref: ref{id: mail.MessageID{ID: mail.NewID(now)}}, due: now, urgent: now.Add(time.Hour), domain: mail.Domain(fmt.Sprintf("d%d.test", i%7))}, now)
	}
	if w.shelved != 64*shelfShare || len(w.known) > 64 {
		t.Fatalf("%d on the shelves, %d in the window", w.shelved, len(w.known))
	}
	for range 7 {
		s, ok := w.take(now)
		if !ok {
			break
		}
		w.finish(s, unreachable, now)
		delete(w.known, s.ref)
	}
	left := 0
	for _, d := range w.dests {
		left += len(d.shelf)
		if d.failures > 0 && (len(d.shelf) > 0 || !d.skipped) {
			t.Errorf("%s backs off with a shelf of %d, skipped %v", d.key, len(d.shelf), d.skipped)
		}
	}
	if w.shelved != left || left == 64*shelfShare {
		t.Errorf("%d are said to be on the shelves, %d are", w.shelved, left)
	}
}

// TestNewcomersMakeWay says how many places newcomers are kept: fewer while there is enough to do for those who answer, but not for long.
func TestNewcomersMakeWay(t *testing.T) {
	o := Options{Window: 1 << 16, Concurrency: 32, PerDestination: 1, Destination: func(d mail.Domain) string { return string(d) }}
	w := newWindow(&o)
	offer := func(domain string) {
		w.offer(dueRow{ref: ref{id: mail.MessageID{ID: mail.NewID(start)}}, due: start, urgent: start.Add(time.Hour), domain: mail.Domain(domain)}, start)
	}
	for i := range 100 {
		d := mail.Domain(fmt.Sprintf("alive%d.test", i))
		w.dest(d).proven = true
		offer(string(d))
		offer(fmt.Sprintf("new%d.test", i))
	}
	if n := w.reserved(start); n != 2 {
		t.Errorf("%d places for newcomers while many answer", n)
	}
	if n := w.reserved(start.Add(newcomerWaits)); n != 8 {
		t.Errorf("%d places for newcomers that have waited for long", n)
	}
	if p := w.patience(); p != patienceBusy {
		t.Errorf("newcomers keep their places for %v", p)
	}
	for range 32 + 69 { // until few are left
		if s, ok := w.take(start); ok && s.dest.proven {
			w.finish(s, notTried, start)
		}
	}
	if n := w.reserved(start); n != 8 {
		t.Errorf("%d places for newcomers while few answer", n)
	}
}
