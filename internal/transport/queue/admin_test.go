package queue

import (
	"slices"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

func TestHoldReleaseRetryCancel(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.jobs.set(dead)
	m := f.message("a@x.test", "b@y.test")
	f.add(m)
	f.settled()
	f.jobs.attempts()
	ctx := t.Context()
	if err := f.q.Hold(ctx, m.ID, "admin"); err != nil {
		t.Fatal(err)
	}
	f.advance(6*24*time.Hour, 4*time.Hour)
	f.expect("attempts while held", f.jobs.attempts(), nil)
	f.expect("notices while held", f.bells.notices(), nil)
	if err := f.q.Retry(ctx, m.ID, "admin"); !mail.IsKind(err, mail.KindNotAllowed) {
		t.Fatal(err)
	}
	if err := f.q.Release(ctx, m.ID, "admin"); err != nil {
		t.Fatal(err)
	}
	if err := f.q.Release(ctx, m.ID, "admin"); !mail.IsKind(err, mail.KindNotAllowed) {
		t.Fatal(err)
	}
	f.settled()
	f.expect("attempts after release", f.jobs.attempts(), []string{"a@x.test", "b@y.test"})
	if err := f.q.Retry(ctx, m.ID, "admin"); err != nil {
		t.Fatal(err)
	}
	f.settled()
	f.expect("attempts on demand, though the destinations back off", f.jobs.attempts(), []string{"a@x.test", "b@y.test"})
	if err := f.q.Cancel(ctx, m.ID, "admin"); err != nil {
		t.Fatal(err)
	}
	f.expectRows(0)
	f.bells.notices() // of the delay
	f.advance(6*24*time.Hour, 4*time.Hour)
	f.expect("attempts after cancel", f.jobs.attempts(), nil)
	f.expect("notices", f.bells.notices(), nil)
	kinds := f.kinds(m.ID)
	for _, k := range []journey.Kind{journey.Held, journey.Released, journey.Retried, journey.Cancelled} {
		if !slices.Contains(kinds, k) {
			t.Errorf("no event of kind %d in %v", k, kinds)
		}
	}
	for _, err := range []error{f.q.Hold(ctx, m.ID, ""), f.q.Cancel(ctx, m.ID, ""), f.q.Retry(ctx, m.ID, "")} {
		if !mail.IsKind(err, mail.KindNotFound) {
			t.Error(err)
		}
	}
}

func TestAdminDuringAnAttempt(t *testing.T) {
	for name, tc := range map[string]struct {
		act   func(*office, mail.MessageID) error
		rows  int
		again []string // attempts when the queue goes on
	}{
		"cancel": {func(f *office, id mail.MessageID) error { return f.q.Cancel(f.t.Context(), id, "") }, 0, nil},
		"hold":   {func(f *office, id mail.MessageID) error { return f.q.Hold(f.t.Context(), id, "") }, 1, nil},
		"retry":  {func(f *office, id mail.MessageID) error { return f.q.Retry(f.t.Context(), id, "") }, 1, []string{"a@x.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newOffice(t, Options{})
			f.jobs.gate = make(chan struct{})
			f.jobs.set(all(Deferred, "450"))
			f.run()
			m := f.message("a@x.test")
			f.add(m)
			<-f.jobs.came
			if err := tc.act(f, m.ID); err != nil {
				t.Fatal(err)
			}
			f.jobs.release()
			f.settled()
			f.jobs.attempts()
			f.expectRows(tc.rows)
			f.jobs.set(allOK)
			f.advance(10*time.Minute, time.Minute)
			f.expect("attempts", f.jobs.attempts(), tc.again)
		})
	}
}

func TestList(t *testing.T) {
	f := newOffice(t, Options{})
	anna := mail.AccountID{ID: mail.NewID(start)}
	var all []mail.MessageID
	for i := range 30 {
		f.clk.Advance(time.Second)
		m := f.message("a@x.test")
		if i%3 == 0 {
			m = f.message("a@x.test", "b@y.test")
			m.Account = anna
		}
		f.add(m)
		all = append(all, m.ID)
	}
	list := func(flt Filter) (out []mail.MessageID) {
		t.Helper()
		items, err := f.q.List(t.Context(), flt)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			out = append(out, it.Message.ID)
		}
		return out
	}
	if got := list(Filter{}); !slices.Equal(got, all) {
		t.Fatal("not all, or not in order")
	}
	if got := list(Filter{Max: 7, After: all[4]}); !slices.Equal(got, all[5:12]) {
		t.Fatal("a page is wrong")
	}
	for _, flt := range []Filter{{Account: anna}, {Domain: "y.test"}} {
		if got := list(flt); len(got) != 10 || got[1] != all[3] {
			t.Fatal(got)
		}
	}
	if has, err := f.q.Has(t.Context(), all[0]); err != nil || !has {
		t.Fatal(has, err)
	}
	if has, err := f.q.Has(t.Context(), mail.MessageID{ID: mail.NewID(start)}); err != nil || has {
		t.Fatal(has, err)
	}
}

func TestAllowance(t *testing.T) {
	f := newOffice(t, Options{})
	f.clk.Set(start.Add(30 * time.Minute))
	a := NewAllowance(f.clk)
	anna, bert := mail.AccountID{ID: mail.NewID(start)}, mail.AccountID{ID: mail.NewID(start)}
	l := Limits{MessagesPerHour: 10, RecipientsPerDay: 50}
	take := func(id mail.AccountID, n int) bool {
		err := a.Take(id, n, l)
		if err != nil && !mail.IsKind(err, mail.KindTooMany) {
			t.Fatal(err)
		}
		return err == nil
	}
	for range 10 {
		if !take(anna, 1) {
			t.Fatal("refused too early")
		}
	}
	if take(anna, 1) || !take(bert, 50) || take(bert, 1) {
		t.Fatal("limits are not held, or not by account")
	}
	f.clk.Advance(45 * time.Minute) // a quarter past: three quarters of the last clock hour still count
	for i := range 4 {              // three places are free again
		if take(anna, 1) != (i < 3) {
			t.Fatal("the hour does not slide")
		}
	}
	f.clk.Advance(2 * time.Hour)
	if !take(anna, 30) || take(anna, 30) {
		t.Fatal("the day is not counted")
	}
	f.clk.Advance(25 * time.Hour)
	if !take(anna, 50) || !take(bert, 50) {
		t.Fatal("a day later all is forgiven")
	}
	if len(a.used) != 2 {
		t.Fatal(len(a.used))
	}
	if err := a.Take(anna, 1000, Limits{}); err != nil {
		t.Fatal("no limit refuses")
	}
}

// TestAllowanceIsRestored: what was sent before a restart counts in its own hour, and only if nothing is known yet.
func TestAllowanceIsRestored(t *testing.T) {
	f := newOffice(t, Options{})
	a := NewAllowance(f.clk)
	anna := mail.AccountID{ID: mail.NewID(start)}
	now := f.clk.Now()
	sent := []time.Time{now, now, now.Add(-3 * time.Hour), now.Add(-30 * time.Hour), now.Add(2 * time.Hour)}
	if a.Knows(anna) {
		t.Fatal("it knows what it was not told")
	}
	a.Restore(anna, sent)
	a.Restore(anna, sent)
	l := Limits{RecipientsPerDay: 4, RecipientsPerHour: 3}
	if !a.Knows(anna) || a.Take(anna, 1, l) != nil {
		t.Fatal("what was sent long ago, or is counted already, counts")
	}
	if err := a.Take(anna, 1, l); !mail.IsKind(err, mail.KindTooMany) {
		t.Fatalf("beyond the limit: %v", err)
	}
	f.clk.Advance(22 * time.Hour)
	if err := a.Take(anna, 1, l); err != nil {
		t.Fatalf("when the oldest is a day old: %v", err)
	}
}
