package intake

import (
	"fmt"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// TestMembersOfAGroupDoNotCountAfterARestart, however many there are: of a large group the story names only some.
func TestMembersOfAGroupDoNotCountAfterARestart(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.SendLimit = 2 })
	var members []mail.Address
	for i := range 30 {
		members = append(members, w.addr(fmt.Sprintf("m%d@sued.test", i)))
	}
	w.must(w.dir.AddGroup(w.ctx, w.addr("many@nord.test"), "Many", members))
	_, err := w.send(login(w.kaethe), "kaethe@nord.test", []string{"many@nord.test", "one@sued.test"}, "From: kaethe@nord.test\n\nhello\n")
	w.must(err)

	w.in = New(w.in.o) // as after a restart
	tx := w.in.Begin(login(w.kaethe))
	w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("kaethe@nord.test")}))
	if err := tx.To(w.ctx, mail.Recipient{Address: w.addr("two@sued.test")}); err != nil {
		t.Errorf("the second of two: %v", err)
	}
	if err := tx.To(w.ctx, mail.Recipient{Address: w.addr("three@sued.test")}); !mail.IsKind(err, mail.KindTooMany) {
		t.Errorf("the third of two: %v", err)
	}
}
