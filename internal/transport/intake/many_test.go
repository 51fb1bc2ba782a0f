package intake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/screen"
)

// choir adds a group of so many accounts.
func (w *world) choir(n int) []directory.Account {
	w.t.Helper()
	var all []directory.Account
	var members []mail.Address
	for i := range n {
		a := w.account(fmt.Sprintf("singer%02d@nord.test", i), "", 0)
		all = append(all, a)
		members = append(members, a.Addresses[0])
	}
	w.must(w.dir.AddGroup(w.ctx, w.addr("choir@nord.test"), "Choir", members))
	return all
}

// A message for more accounts than one commit serves waits in the queue for all of them, and is served in batches, once.
func TestManyRecipientsAreServedOutOfTheQueue(t *testing.T) {
	for _, action := range []screen.Action{screen.Pass, screen.Junk} {
		w := newWorld(t, func(o *Options) { o.Checks = []screen.Check{judge(action)} })
		singers := w.choir(mostAtOnce + 1)
		r, err := w.send(stranger(), "eva@ost.test", []string{"choir@nord.test", "singer00@nord.test"}, "From: eva@ost.test\n\nsing\n")
		w.must(err)
		item, _ := w.sent(r.ID)
		if len(item.Recipients) != len(singers) {
			t.Fatalf("%d wait, want %d", len(item.Recipients), len(singers))
		}
		var job queue.Job
		job.Message = &item.Message
		for _, p := range item.Recipients {
			job.Recipients = append(job.Recipients, p.Recipient)
		}
		s := w.in.Sender(&relayed{})
		for range 2 { // again, as after a crash
			report := s.Send(w.ctx, job)
			if n := len(slices.DeleteFunc(report.Results, func(r queue.Result) bool { return r.Status == queue.Delivered && r.Final })); n > 0 {
				t.Fatalf("%d have no success", n)
			}
		}
		path := map[screen.Action]string{screen.Pass: "INBOX", screen.Junk: "Junk"}[action]
		for _, a := range singers {
			if got := w.inbox(a, path); len(got) != 1 || !strings.HasSuffix(got[0], "sing\r\n") {
				t.Fatalf("%s has %d messages in %s", a.Login(), len(got), path)
			}
		}
	}
}

// judge is a check that finds the same of every message.
func judge(a screen.Action) screen.Check {
	return screen.Check{Name: "judge", Run: func(context.Context, *screen.Message) (screen.Finding, error) {
		return screen.Finding{Action: a, Text: "so it is"}, nil
	}}
}

func TestAsManyAsOneCommitServesAreServedAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	singers := w.choir(mostAtOnce)
	r, err := w.send(stranger(), "eva@ost.test", []string{"choir@nord.test"}, "From: eva@ost.test\n\nsing\n")
	w.must(err)
	if has, err := w.q.Has(w.ctx, r.ID); has || err != nil {
		t.Fatalf("in the queue: %v %v", has, err)
	}
	if n := len(w.inbox(singers[mostAtOnce-1], "INBOX")); n != 1 {
		t.Fatalf("%d messages", n)
	}
}

// The notice that the author asked for is owed by the very commit that delivers.
func TestSuccessNoticeIsOwedByTheOneCommit(t *testing.T) {
	w := newWorld(t, nil)
	for from, want := range map[string]int{"eva@ost.test": 1, "": 0} {
		tx := w.in.Begin(Source{Protocol: obs.ProtoSMTP, Helo: "mx.ost.test"})
		w.must(tx.From(w.ctx, mail.Envelope{From: w.addr(from)}))
		w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("kaethe@nord.test"), Notify: mail.NotifySuccess}))
		w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("jan@nord.test"), Notify: mail.NotifyFailure}))
		r, err := tx.Body(w.ctx, strings.NewReader("From: eva@ost.test\r\n\r\nx\r\n"))
		w.must(err)
		has, err := w.q.Has(w.ctx, r.ID)
		w.must(err)
		if got := map[bool]int{true: 1}[has]; got != want {
			t.Fatalf("from %q: %d messages in the queue, want %d", from, got, want)
		}
		if slices.Contains(w.kinds(r.ID), journey.Queued) {
			t.Error("the journey tells of a queue that nobody waits in")
		}
		if want == 0 {
			continue
		}
		item, _ := w.sent(r.ID)
		if len(item.Recipients) != 1 || item.Recipients[0].Recipient.Address != w.addr("kaethe@nord.test") {
			t.Fatalf("%+v", item.Recipients)
		}
	}
}

// A stranger cannot make one message mean a group a hundred times over.
func TestGroupsDoNotAddUp(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.MaxRecipients = 10 })
	var far []mail.Address
	for i := range 2_000 {
		far = append(far, w.addr(fmt.Sprintf("a%d@sued.test", i)))
	}
	w.must(w.dir.AddGroup(w.ctx, w.addr("all@nord.test"), "All", far))
	tx := w.in.Begin(stranger())
	w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("eva@ost.test")}))
	for i, want := range []bool{true, true, true, true, true, false, false} {
		err := tx.To(w.ctx, mail.Recipient{Address: w.addr(fmt.Sprintf("all+%d@nord.test", i))})
		if (err == nil) != want || err != nil && !mail.IsKind(err, mail.KindTooManyRecipients) {
			t.Errorf("group %d: %v", i, err)
		}
	}
	tx.Reset()
	w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("all@nord.test")}))
}
