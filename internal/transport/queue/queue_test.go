package queue

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

func TestDeliveredAtOnce(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	m := f.message("a@x.test", "b@y.test", "c@x.test")
	f.add(m)
	f.settled()
	f.expect("attempts", f.jobs.attempts(), []string{"a@x.test,c@x.test", "b@y.test"})
	f.expectRows(0)
	want := []journey.Kind{journey.Queued, journey.Queued, journey.Queued, journey.Relayed, journey.Relayed, journey.Relayed}
	if got := f.kinds(m.ID); !slices.Equal(got, want) {
		t.Fatal(got)
	}
	if n, err := f.st.Sweep(t.Context()); err != nil || n != 1 {
		t.Fatalf("the body is still referenced: swept %d, %v", n, err)
	}
}

func TestEachRecipientHasItsFate(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.jobs.set(func(j Job) Report {
		var r Report
		for _, rc := range j.Recipients {
			r.Results = append(r.Results, map[string]Result{
				"ok": {Status: Delivered}, "later": {Status: Deferred, Reply: "450"}, "never": {Status: Failed, Reply: "550 no", Server: "mx"},
			}[rc.Address.Local])
		}
		return r
	})
	m := f.message("ok@x.test", "later@x.test", "never@x.test")
	f.add(m)
	f.settled()
	f.expect("notices", f.bells.notices(), []string{"failed never@x.test"})
	item, err := f.q.Get(t.Context(), m.ID)
	if err != nil || len(item.Recipients) != 1 || item.Recipients[0].Recipient.Address.Local != "later" ||
		item.Recipients[0].Attempts != 1 || item.Recipients[0].Last.Reply != "450" {
		t.Fatalf("%+v %v", item, err)
	}
	f.jobs.attempts()
	f.jobs.set(allOK)
	f.advance(6*time.Minute, time.Minute)
	f.expect("attempts", f.jobs.attempts(), []string{"later@x.test"})
	f.expectRows(0)
}

func TestRetriesUntilItExpires(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.jobs.set(all(Deferred, "450 not now"))
	m := f.message("a@x.test")
	f.add(m)
	f.settled()
	var at []time.Duration
	for f.clk.Now().Sub(start) < 6*24*time.Hour {
		if n := len(f.jobs.attempts()); n > 0 {
			at = append(at, f.clk.Now().Sub(start).Round(time.Minute))
		}
		step := 10 * time.Minute
		if len(at) > 4 {
			step = time.Hour
		}
		f.advance(step, step)
	}
	// 0, 5 min, +15, +30, +1 h, +2 h, then every 4 h and a little (we look every hour), and a last one when the time has run out.
	if len(at) < 26 || len(at) > 38 || at[0] != 0 || at[1] > 11*time.Minute || at[2] > 40*time.Minute || at[len(at)-1].Round(time.Hour) != 120*time.Hour {
		t.Fatal(len(at), at)
	}
	f.expect("notices", f.bells.notices(), []string{"delayed a@x.test", "expired a@x.test"})
	f.expectRows(0)
}

func TestNoticeRules(t *testing.T) {
	for name, tc := range map[string]struct {
		from   string
		notify mail.Notify
		result Result
		want   []string
		event  journey.Kind
	}{
		"failure":                    {"anna@us.test", 0, Result{Status: Failed}, []string{"failed a@x.test"}, journey.Returned},
		"never a notice for notices": {"", 0, Result{Status: Failed}, nil, journey.NotReturned},
		"none wanted":                {"anna@us.test", mail.NotifyNever, Result{Status: Failed}, nil, journey.NotReturned},
		"only success wanted":        {"anna@us.test", mail.NotifySuccess, Result{Status: Failed}, nil, journey.NotReturned},
		"success, relayed":           {"anna@us.test", mail.NotifySuccess, Result{Status: Delivered}, []string{"relayed a@x.test"}, journey.Confirmed},
		"success, delivered":         {"anna@us.test", mail.NotifySuccess, Result{Status: Delivered, Final: true}, []string{"delivered a@x.test"}, journey.Confirmed},
		"success, others tell":       {"anna@us.test", mail.NotifySuccess, Result{Status: Delivered, NotifiesSuccess: true}, nil, journey.Relayed},
	} {
		t.Run(name, func(t *testing.T) {
			f := newOffice(t, Options{})
			f.run()
			f.jobs.set(func(Job) Report { return Report{Results: []Result{tc.result}} })
			m := f.message("a@x.test")
			m.Recipients[0].Notify = tc.notify
			if tc.from == "" {
				m.From = mail.Address{}
			}
			f.add(m)
			f.settled()
			f.expect("notices", f.bells.notices(), tc.want)
			f.expectRows(0)
			if got := f.kinds(m.ID); got[len(got)-1] != tc.event {
				t.Fatal(got)
			}
		})
	}
}

func TestNoticeThatCannotBeMadeNow(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.bells.broken(mail.Refuse(mail.KindDiskFull, "full"))
	f.jobs.set(func(j Job) Report {
		r := allOK(j)
		if len(r.Results) > 1 {
			r.Results[1].Status = Failed
		}
		return r
	})
	m := f.message("ok@x.test", "never@x.test")
	f.add(m)
	f.settled()
	f.expect("attempts", f.jobs.attempts(), []string{"ok@x.test,never@x.test"})
	f.expectRows(1)
	f.advance(3*time.Minute, time.Minute)
	f.expect("attempts while the notice waits", f.jobs.attempts(), nil)
	f.bells.broken(nil)
	f.advance(3*time.Minute, time.Minute)
	f.expect("notices", f.bells.notices(), []string{"failed never@x.test"})
	f.expect("attempts", f.jobs.attempts(), nil)
	f.expectRows(0)

	f.bells.broken(mail.Refuse(mail.KindNoSuchDomain, "never"))
	f.jobs.set(all(Failed, "550"))
	m = f.message("a@x.test")
	f.add(m)
	f.settled()
	f.expectRows(0)
	if got := f.kinds(m.ID); got[len(got)-1] != journey.NotReturned {
		t.Fatal(got)
	}
}

func TestSettlingAfterTroubleOfOurs(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.bells.broken(errors.New("something of ours"))
	f.jobs.set(all(Failed, "550"))
	f.add(f.message("a@x.test"))
	f.settled()
	f.expectRows(1)
	f.bells.broken(nil)
	f.advance(2*time.Minute, time.Minute)
	f.expect("notices", f.bells.notices(), []string{"failed a@x.test"})
	f.expectRows(0)
}

func TestFutureRelease(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	m := f.message("a@x.test")
	m.Due = start.Add(7 * 24 * time.Hour)
	f.add(m)
	f.advance(7*24*time.Hour-time.Hour, time.Hour)
	f.expect("attempts before its time", f.jobs.attempts(), nil)
	f.expect("notices", f.bells.notices(), nil)
	f.advance(time.Hour, time.Hour)
	f.expect("attempts", f.jobs.attempts(), []string{"a@x.test"})
	f.expectRows(0)
}

func TestCrashKeepsAllAndDoublesNothingSettled(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.add(f.message("done@x.test"))
	f.settled()
	f.jobs.attempts()
	f.jobs.set(all(Deferred, "450"))
	f.add(f.message("later@x.test"), f.message("a@y.test", "b@z.test"))
	f.settled()
	f.crash()
	f.run()
	f.settled()
	f.expect("attempts right after the crash", f.jobs.attempts(), nil)
	f.advance(10*time.Minute, time.Minute)
	f.expect("attempts", f.jobs.attempts(), []string{"a@y.test", "b@z.test", "later@x.test"})
	f.expectRows(0)
}

func TestForgottenWakeIsFound(t *testing.T) {
	f := newOffice(t, Options{})
	f.run()
	f.settled()
	m := f.message("a@x.test")
	w := f.st.Stage(t.Context())
	staged, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	m.Blob = staged.Ref()
	b := store.NewBatch()
	b.AddBlob(staged)
	f.q.Add(b, m)
	if err := store.Commit(t.Context(), f.st, b); err != nil {
		t.Fatal(err)
	}
	f.advance(2*time.Minute, 10*time.Second)
	f.expect("attempts", f.jobs.attempts(), []string{"a@x.test"})
}

func TestStopLeavesAttemptsTheirGrace(t *testing.T) {
	f := newOffice(t, Options{Grace: 3 * time.Second})
	f.jobs.gate = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.q.Run(ctx, f.jobs) }()
	f.add(f.message("a@x.test"))
	<-f.jobs.came
	cancel()
	f.jobs.release() // the answer comes within the grace time
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f.expectRows(0)

	f.jobs.gate, f.jobs.closed = make(chan struct{}), false
	f.jobs.set(all(Deferred, "interrupted"))
	ctx, cancel = context.WithCancel(context.Background())
	go func() { done <- f.q.Run(ctx, f.jobs) }()
	m := f.message("b@x.test")
	f.add(m)
	<-f.jobs.came
	cancel()
	waitFor(t, func() bool { // until the grace timer is armed
		next, ok := f.clk.Next()
		return ok && next.Equal(f.clk.Now().Add(3*time.Second))
	})
	f.clk.Advance(3 * time.Second)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	item, err := f.q.Get(t.Context(), m.ID)
	if err != nil || item.Recipients[0].Attempts != 0 {
		t.Fatalf("cutting it off counted as an attempt: %+v %v", item, err)
	}
}

// TestQueuedIsToldLive watches a message's way: that it waits comes first, and then the attempt.
func TestQueuedIsToldLive(t *testing.T) {
	f := newOffice(t, Options{})
	w := f.js.Watch()
	defer w.Close()
	m := f.message("a@x.test", "b@x.test")
	f.add(m)
	f.run()
	f.settled()
	var got []journey.Kind
	for len(got) < 4 {
		e := <-w.C()
		if e.ID != m.ID {
			t.Fatalf("%+v", e)
		}
		got = append(got, e.Event.Kind)
	}
	if want := []journey.Kind{journey.Queued, journey.Queued, journey.Relayed, journey.Relayed}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}
