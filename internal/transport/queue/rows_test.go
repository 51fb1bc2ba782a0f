package queue

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

func drawTime(t *rapid.T, name string) time.Time {
	ms := rapid.Int64Range(0, 1<<43).Draw(t, name)
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func drawAddress(t *rapid.T, name string) mail.Address {
	return rapid.SampledFrom([]mail.Address{{}, addr("a@b.test"), addr(`"a b"@c.test`), addr("ü@d.test"), addr("x@[192.0.2.1]")}).Draw(t, name)
}

func TestRowsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := mail.MessageID{ID: mail.NewID(start)}
		m := &message{Message: Message{
			ID: id, From: drawAddress(t, "from"), Lang: text.DE, EnvID: rapid.String().Draw(t, "envid"), Return: mail.ReturnHeaders,
			Body: mail.Body8Bit, UTF8: rapid.Bool().Draw(t, "utf8"), RequireTLS: rapid.Bool().Draw(t, "tls"), Junk: rapid.Bool().Draw(t, "junk"),
			Account: mail.AccountID{ID: mail.NewID(start)}, Skip: 7,
			Blob:    store.BlobRef{ID: store.BlobID{ID: mail.NewID(start)}, Size: rapid.Int64Range(0, 1<<40).Draw(t, "size")},
			Created: drawTime(t, "created"), Due: drawTime(t, "due"), Expires: drawTime(t, "expires"),
		}, legs: rapid.IntRange(1, 100).Draw(t, "legs"), held: rapid.Bool().Draw(t, "held")}
		got, err := decodeMessage(id, m.encode())
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("%v\n%+v\n%+v", err, got, m)
		}
		l := &leg{attempts: rapid.IntRange(0, 9).Draw(t, "attempts"), due: drawTime(t, "next"), delayTold: rapid.Bool().Draw(t, "told"), recipients: []recipient{}}
		for range rapid.IntRange(0, 5).Draw(t, "recipients") {
			r := recipient{Recipient: mail.Recipient{Address: drawAddress(t, "to"), OriginalType: "rfc822", Original: rapid.String().Draw(t, "orcpt"), Notify: mail.NotifySuccess}}
			if l.attempts > 0 {
				r.last = Result{Status: Failed, Code: 550, Enhanced: "5.1.1", Reply: rapid.StringN(0, 50, -1).Draw(t, "reply"),
					Server: "mx", Address: "192.0.2.1", TLS: "TLS 1.3", TLSVersion: 0x304, Policy: "verified", Final: rapid.Bool().Draw(t, "final")}
				r.state = recipientState(rapid.IntRange(0, int(recipientStates)-1).Draw(t, "state"))
			}
			l.recipients = append(l.recipients, r)
		}
		gotLeg, err := decodeLeg(l.encode())
		if err != nil || !reflect.DeepEqual(gotLeg, l) {
			t.Fatalf("%v\n%+v\n%+v", err, gotLeg, l)
		}
		d := dueRow{ref: ref{id, 3}, due: time.UnixMilli(5), urgent: time.UnixMilli(6), domain: "x.test"}
		if got, err := decodeDue(dueKey(d.ref, d.due), d.value(), "y.test"); err != nil || got != d {
			t.Fatalf("%v %+v", err, got)
		}
	})
}

func FuzzRows(f *testing.F) {
	m := &message{Message: Message{From: addr("a@b.test"), EnvID: "x"}, legs: 1}
	l := &leg{attempts: 1, recipients: []recipient{{Recipient: mail.Recipient{Address: addr("a@b.test")}, last: Result{Reply: "450"}}}}
	f.Add(m.encode())
	f.Add(l.encode())
	f.Fuzz(func(t *testing.T, row []byte) {
		if m, err := decodeMessage(mail.MessageID{}, row); err == nil {
			again, err := decodeMessage(mail.MessageID{}, m.encode())
			if err != nil || !reflect.DeepEqual(m, again) {
				t.Fatalf("%v %+v %+v", err, m, again)
			}
		}
		if l, err := decodeLeg(row); err == nil {
			if _, err := decodeLeg(l.encode()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
