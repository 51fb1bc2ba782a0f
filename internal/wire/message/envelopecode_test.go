package message

import (
	"reflect"
	"testing"
)

func TestDecodeEnvelope(t *testing.T) {
	var s Scanner
	if _, err := s.Write([]byte("From: Anna <anna@nord.test>\r\nTo: a@b.test, c@d.test\r\nSubject: hello\r\nDate: Sun, 1 Mar 2026 12:00:00 +0100\r\n" +
		"Message-ID: <1@nord.test>\r\nReferences: <0@nord.test>\r\n\r\nbody\r\n")); err != nil {
		t.Fatal(err)
	}
	b, err := s.Close().AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := DecodeSummary(b)
	if err != nil {
		t.Fatal(err)
	}
	e, err := DecodeEnvelope(b)
	if err != nil || e.Subject != "hello" || !reflect.DeepEqual(e, whole.Envelope) {
		t.Errorf("%+v, %v; wanted %+v", e, err, whole.Envelope)
	}
	for n := range b[:60] {
		if _, err := DecodeEnvelope(b[:n]); err == nil {
			t.Errorf("%d bytes are enough", n)
		}
	}
}
