package intake

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Messages share the memory they go through, one after the other; nothing of one may show in another.
func TestMessagesDoNotMix(t *testing.T) {
	w := newWorld(t, nil)
	const writers, each = 6, 30
	var wg sync.WaitGroup
	var mu sync.Mutex
	sent := map[mail.MessageID]string{} // guarded by mu
	for n := range writers {
		wg.Go(func() {
			for i := range each {
				mark := fmt.Sprintf("mark-%d-%d-", n, i)
				tx := w.in.Begin(stranger())
				body := crlf("From: " + mark + "@ost.test\nSubject: " + mark + "\n\n" + strings.Repeat(mark+"\n", 1+(n*each+i)*37%900))
				err := tx.From(w.ctx, mail.Envelope{From: mail.Address{Local: mark, Domain: "ost.test"}})
				if err == nil {
					err = tx.To(w.ctx, mail.Recipient{Address: w.kaethe.Addresses[0]})
				}
				r, bad := tx.Body(w.ctx, strings.NewReader(body))
				if err != nil || bad != nil {
					t.Error(err, bad)
					return
				}
				mu.Lock()
				sent[r.ID] = mark + "\x00" + body
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	box := w.box.Account(w.kaethe.ID)
	for id, want := range sent {
		mark, body, _ := strings.Cut(want, "\x00")
		sum, err := box.Summary(w.ctx, mail.EmailID{ID: id.ID})
		w.must(err)
		if sum.Envelope.Subject != mark || len(sum.Envelope.From) != 1 || sum.Envelope.From[0].Local != mark {
			t.Fatalf("%s: %+v", mark, sum.Envelope)
		}
		got := w.body(w.kaethe, mail.EmailID{ID: id.ID})
		if !strings.HasPrefix(got, "Return-Path: <"+mark+"@ost.test>\r\nReceived: ") || !strings.HasSuffix(got, body) ||
			strings.Count(got, "mark-") != strings.Count(body, mark)+1 || int64(len(got)) != sum.Size {
			t.Fatalf("%s: %.300q", mark, got)
		}
	}
}
