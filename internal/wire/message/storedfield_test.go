package message

import (
	"reflect"
	"testing"
)

// storedFields holds what is found in a stored summary to what decoding it gives.
func storedFields(t *testing.T, b []byte, e *Envelope) {
	t.Helper()
	for field, want := range map[string]string{"subject": e.Subject, "message-id": e.MessageID, "in-reply-to": e.RawInReplyTo} {
		if got, ok := StoredText(b, field); !ok || string(got) != want {
			t.Errorf("%s: %q, %v; wanted %q", field, got, ok, want)
		}
	}
	for field, want := range map[string][]Address{"from": e.From, "to": e.To, "cc": e.Cc, "bcc": e.Bcc} {
		raw, ok := StoredAddresses(b, field)
		got, err := DecodeAddresses(raw)
		if !ok || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, %v; wanted %+v", field, got, ok, err, want)
		}
	}
}

func TestStoredFields(t *testing.T) {
	var s Scanner
	if _, err := s.Write([]byte("From: Anna <anna@nord.test>\r\nTo: a@b.test, friends: c@d.test, e@f.test;, g@h.test\r\nCc: x@y.test\r\nBcc: z@y.test\r\n" +
		"Reply-To: r@nord.test\r\nSubject: =?utf-8?q?h=C3=A9llo?= there\r\nDate: Sun, 1 Mar 2026 12:00:00 -0700\r\n" +
		"Message-ID: <1@nord.test>\r\nIn-Reply-To: <0@nord.test>\r\nReferences: <a@b> <0@nord.test>\r\n\r\nbody\r\n")); err != nil {
		t.Fatal(err)
	}
	sum := s.Close()
	b, err := sum.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	storedFields(t, b, &sum.Envelope)
	if _, ok := StoredText(b, "comments"); ok {
		t.Error("a text that is not there was found")
	}
	if _, ok := StoredAddresses(b, "resent-to"); ok {
		t.Error("addresses that are not there were found")
	}
	for n := range b[:60] {
		if _, ok := StoredText(b[:n], "message-id"); ok {
			t.Errorf("%d bytes are enough", n)
		}
	}
}
