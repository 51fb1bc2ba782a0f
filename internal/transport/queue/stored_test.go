package queue

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// A message that our own mailboxes have already is in the queue only for the notice about it.
func TestStoredIsToldOf(t *testing.T) {
	f := newOffice(t, Options{})
	m := f.message()
	m.Stored = []mail.Recipient{{Address: addr("ben@us.test"), Notify: mail.NotifySuccess}, {Address: addr("eva@us.test"), Notify: mail.NotifySuccess}}
	f.add(m)
	f.crash() // before the queue has come to it
	f.run()
	f.settled()
	f.expect("attempts", f.jobs.attempts(), nil)
	f.expect("notices", f.bells.notices(), []string{"delivered ben@us.test", "delivered eva@us.test"})
	f.expectRows(0)
	if got := f.kinds(m.ID); !slices.Equal(got, []journey.Kind{journey.Confirmed, journey.Confirmed}) {
		t.Fatal(got)
	}
}

// With a smarthost for everything our own domain has the smarthost's destination; that it is dead does not delay the notice.
func TestStoredIsToldOfWhateverTheDestinationDoes(t *testing.T) {
	f := newOffice(t, Options{Destination: func(mail.Domain) string { return "smarthost:587" }})
	f.run()
	f.jobs.set(dead)
	f.add(f.message("far@x.test"))
	f.settled()
	f.jobs.attempts()
	m := f.message("other@x.test")
	m.Stored = []mail.Recipient{{Address: addr("ben@us.test"), Notify: mail.NotifySuccess}}
	f.bells.broken(errors.New("not now"))
	f.add(m)
	f.settled()
	f.bells.broken(nil)
	f.advance(2*time.Minute, time.Minute)
	f.expect("notices", f.bells.notices(), []string{"delivered ben@us.test"})
	item, err := f.q.Get(t.Context(), m.ID)
	if err != nil || len(item.Recipients) != 1 || item.Recipients[0].Recipient.Address.Local != "other" {
		t.Fatalf("%+v %v", item, err)
	}
}

// A notice that can never be made does not keep its message for ever.
func TestNoticeIsGivenUp(t *testing.T) {
	f := newOffice(t, Options{Schedule: Schedule{GiveUp: 2 * time.Hour}})
	f.run()
	f.jobs.set(all(Failed, "550 no"))
	f.bells.broken(errors.New("a fault that stays"))
	m := f.message("a@x.test")
	f.add(m)
	f.settled()
	f.advance(25*time.Hour, time.Hour)
	f.expectRows(1)
	f.advance(2*time.Hour, time.Hour)
	f.expectRows(0)
	if got := f.kinds(m.ID); got[len(got)-1] != journey.NotReturned {
		t.Fatal(got)
	}
}
