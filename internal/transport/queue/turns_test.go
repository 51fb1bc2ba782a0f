package queue

import (
	"reflect"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// What is in memory after Add and Wake must be what is on disk.
func TestTurnAsAdded(t *testing.T) {
	f := newOffice(t, Options{})
	full := f.message("r@x.test")
	full.Account = mail.AccountID{ID: mail.NewID(f.clk.Now())}
	full.Lang, full.EnvID, full.Return, full.Body, full.UTF8, full.RequireTLS, full.Junk = 1, "env", mail.ReturnHeaders, mail.Body8Bit, true, true, true
	full.Skip = 5
	full.Created = f.clk.Now().Add(1234567 * time.Nanosecond)
	full.Recipients[0].OriginalType, full.Recipients[0].Original, full.Recipients[0].Notify = "rfc822", "o@x.test", mail.NotifyFailure
	told := f.message()
	told.Stored = []mail.Recipient{{Address: addr("s@us.test"), Notify: mail.NotifySuccess}}
	ms := []Message{f.message("plain@x.test"), full, told}
	f.clk.Advance(time.Second)
	f.add(ms...)
	for _, m := range ms {
		r := ref{m.ID, 0}
		f.q.mu.Lock()
		got := f.q.win.turns.known[r]
		f.q.mu.Unlock()
		want, err := f.q.read(t.Context(), r)
		if err != nil || got == nil {
			t.Fatal(got, err)
		}
		if !reflect.DeepEqual(got.msg, want.msg) || !reflect.DeepEqual(got.leg, want.leg) {
			t.Errorf("in memory\n%+v %+v\non disk\n%+v %+v", got.msg, got.leg, want.msg, want.leg)
		}
	}
}

// A message that was found on disk before its Wake may have been sent: its Wake must not bring it back.
func TestWakeAfterTheScan(t *testing.T) {
	f := newOffice(t, Options{})
	m := f.message("r@x.test")
	f.store(&m)
	f.run()
	f.settled() // the first lap has found and sent it
	f.expect("attempts", f.jobs.attempts(), []string{"r@x.test"})
	f.q.Wake(m)
	f.settled()
	f.expect("attempts after Wake", f.jobs.attempts(), nil)
	f.expectRows(0)
}

// What an admin did between the commit and Wake counts.
func TestCancelBeforeWake(t *testing.T) {
	f := newOffice(t, Options{})
	m := f.message("r@x.test")
	f.store(&m)
	if err := f.q.Cancel(t.Context(), m.ID, ""); err != nil {
		t.Fatal(err)
	}
	f.q.Wake(m)
	f.run()
	f.settled()
	f.expect("attempts", f.jobs.attempts(), nil)
	f.expectRows(0)
}
