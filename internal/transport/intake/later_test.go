package intake

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

// relayed is a sender that takes everything and remembers to whom it went.
type relayed struct{ to []string }

func (r *relayed) Send(_ context.Context, job queue.Job) queue.Report {
	out := queue.Report{Results: make([]queue.Result, len(job.Recipients))}
	for i, rc := range job.Recipients {
		r.to = append(r.to, rc.Address.String())
		out.Results[i] = queue.Result{Status: queue.Delivered, Enhanced: "2.0.0"}
	}
	return out
}

func TestLaterDelivery(t *testing.T) {
	w := newWorld(t, nil)
	tx := w.in.Begin(login(w.kaethe))
	until := w.clock.Now().Add(time.Hour)
	w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("kaethe@nord.test"), HoldUntil: until}))
	for _, a := range []string{"jan@nord.test", "info@nord.test", "far@sued.test"} {
		w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr(a)}))
	}
	r, err := tx.Body(w.ctx, strings.NewReader("From: kaethe@nord.test\r\n\r\nlater\r\n"))
	w.must(err)
	if n := len(w.inbox(w.jan, "INBOX")) + len(w.inbox(w.kaethe, "INBOX")); n != 0 {
		t.Fatalf("%d messages are there before the time", n)
	}
	item, _ := w.sent(r.ID)
	if !item.Message.Due.Equal(until) {
		t.Errorf("due %v", item.Message.Due)
	}
	var to []mail.Recipient
	for _, p := range item.Recipients {
		to = append(to, p.Recipient)
	}
	if len(to) != 3 {
		t.Fatalf("queued for %+v", to)
	}

	next := &relayed{}
	s := w.in.Sender(next)
	for range 2 { // the second time is that after a crash before the queue has settled the first
		report := s.Send(w.ctx, queue.Job{Message: &item.Message, Recipients: to})
		for i, res := range report.Results {
			if res.Status != queue.Delivered {
				t.Errorf("%v: %+v", to[i].Address, res)
			}
		}
	}
	if len(w.inbox(w.jan, "INBOX")) != 1 || len(w.inbox(w.kaethe, "INBOX")) != 1 {
		t.Errorf("jan has %d, kaethe %d", len(w.inbox(w.jan, "INBOX")), len(w.inbox(w.kaethe, "INBOX")))
	}
	if !reflect.DeepEqual(next.to, []string{"far@sued.test", "far@sued.test"}) {
		t.Errorf("relayed to %v", next.to)
	}
	sum, err := w.box.Account(w.jan.ID).Summary(w.ctx, mail.EmailID{ID: r.ID.ID})
	w.must(err)
	if sum.Preview != "later" {
		t.Errorf("summary %+v", sum)
	}
}

func TestLaterRefusals(t *testing.T) {
	w := newWorld(t, nil)
	r, err := w.send(login(w.kaethe), "kaethe@nord.test", []string{"x@sued.test"}, "From: kaethe@nord.test\n\n"+strings.Repeat("x", 500))
	w.must(err)
	item, _ := w.sent(r.ID)
	item.Message.Due = item.Message.Created.Add(time.Hour)
	s := w.in.Sender(&relayed{})
	report := s.Send(w.ctx, queue.Job{Message: &item.Message, Recipients: []mail.Recipient{
		{Address: w.addr("nobody@nord.test")}, {Address: w.addr("full@nord.test")}, {Address: w.addr("away@nord.test")}}})
	var got []string
	for _, res := range report.Results {
		got = append(got, res.Enhanced)
	}
	if !reflect.DeepEqual(got, []string{"5.1.1", "5.3.4", "2.0.0"}) {
		t.Errorf("results %v", got)
	}
	items, err := w.q.List(w.ctx, queue.Filter{})
	w.must(err)
	onward := 0
	for _, it := range items {
		if it.Recipients[0].Recipient.Address == w.addr("far@sued.test") && it.Message.ID != r.ID {
			onward++
		}
	}
	if len(items) != 2 || onward != 1 {
		t.Errorf("the alias leads nowhere: %+v", items)
	}
}

// A mailbox that was not full at RCPT gets the message, as everywhere else; and one behind a group does in any case.
func TestBatchesAreNotRefusedForQuota(t *testing.T) {
	w := newWorld(t, nil)
	w.choir(mostAtOnce)
	r, err := w.send(stranger(), "eva@ost.test", []string{"choir@nord.test", "team@nord.test"}, hello+strings.Repeat("x", 500))
	w.must(err)
	item, _ := w.sent(r.ID)
	report := w.in.Sender(&relayed{}).Send(w.ctx, queue.Job{Message: &item.Message, Recipients: []mail.Recipient{{Address: w.addr("full@nord.test")}}})
	if res := report.Results[0]; res.Status != queue.Delivered {
		t.Errorf("%+v", res)
	}
}
