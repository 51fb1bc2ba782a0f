package intake

import (
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

// What a login says of who wrote a message must be true, however it is written.
func TestAuthorIsTheLogin(t *testing.T) {
	w := newWorld(t, nil)
	many := strings.Repeat("kaethe@nord.test,\r\n ", 12_000)
	for header, ok := range map[string]bool{
		"From: kaethe@nord.test":                                        true,
		"From: (ceo@bank.test) kaethe@nord.test":                        true,
		"From: \"ceo@bank.test\" <kaethe@nord.test>":                    true,
		"From: =?utf-8?q?K=C3=A4the?= <KAETHE+tag@alt.test>":            true,
		"From: <@hop.test,@hop2.test:kaethe@nord.test>":                 true,
		"Subject: no author":                                            true,
		"From: Friends: kaethe@nord.test;":                              true,
		"From: ceo@bank.test":                                           false,
		"From : ceo@bank.test":                                          false,
		"fRoM:\r\n\tceo@bank.test":                                      false,
		"From: jan@nord.test":                                           false,
		"From: kaethe@nord.test, ceo@bank.test":                         false,
		"From: kaethe@nord.test\r\nFrom: kaethe@nord.test":              false,
		"From: kaethe@nord.test\r\nSender: ceo@bank.test":               false,
		"From: kaethe@nord.test\r\nSender:":                             false,
		"From: Bank: ceo@bank.test;":                                    false,
		"From: Bank:;":                                                  false,
		"From:":                                                         false,
		"From: kaethe@nord.test <ceo@bank.test>":                        false,
		"From: <kaethe@nord.test> <ceo@bank.test>":                      false,
		"From: <ceo@bank.test:kaethe@nord.test>":                        false,
		"From: Bank <ceo@bank.test>, Friends: kaethe@nord.test;":        false,
		"From: ceo@bank.test kaethe@nord.test":                          false,
		"From: kaethe@nord.test ceo@bank.test":                          false,
		"From: ceo(x)@bank.test":                                        false,
		"From: \"ceo\"@bank.test":                                       false,
		"From: ceo@bank.test,kaethe@nord.test,":                         false,
		"From: kaethe@nord.test\x00,ceo@bank.test":                      false,
		"From: =?utf-8?q?ceo=40bank.test?=":                             false,
		"From: " + many + "ceo@bank.test":                               false,
		"From: kaethe@nord.test\r\nX-Trick: y\rFrom: ceo@bank.test":     false,
		"From: kaethe@nord.test\r\nX-Trick: y\n\r\nFrom: ceo@bank.test": false,
	} {
		tx := w.in.Begin(login(w.kaethe))
		w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("kaethe@nord.test"), Body: mail.BodyBinary}))
		w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("jan@nord.test")}))
		_, err := tx.Body(w.ctx, strings.NewReader(header+"\r\nTo: x\r\n\r\nbody\r\n"))
		if (err == nil) != ok {
			t.Errorf("%.100q: %v", header, err)
		}
		if err != nil && mail.AsFault(err).Kind.Temporary() {
			t.Errorf("%.100q is refused only for now: %v", header, err)
		}
	}
}

// A session that is open does not outlive its account's rights.
func TestDisabledInTheMiddleOfASession(t *testing.T) {
	for _, s := range []directory.Status{directory.Disabled, directory.NoLogin} {
		w := newWorld(t, nil)
		tx := w.in.Begin(login(w.jan))
		w.must(tx.From(w.ctx, mail.Envelope{}))
		w.must(w.dir.SetStatus(w.ctx, w.jan.ID, s))
		for _, from := range []string{"jan@nord.test", ""} {
			if err := tx.From(w.ctx, mail.Envelope{From: w.addr(from)}); !mail.IsKind(err, mail.KindDisabled) {
				t.Errorf("%s, from %q: %v", s, from, err)
			}
		}
	}
}
