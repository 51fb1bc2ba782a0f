package mail

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestIDKeepsOrderAndReadsBack(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	var last ID
	for i := range 1000 {
		id := NewID(at.Add(time.Duration(i) * time.Millisecond))
		if i > 0 && (last.Compare(id) >= 0 || last.String() >= id.String()) {
			t.Fatalf("%v and %v are out of order", last, id)
		}
		if back, err := ParseID(id.String()); err != nil || back != id {
			t.Fatalf("%v reads back as %v, %v", id, back, err)
		}
		last = id
	}
	if !last.Time().Equal(at.Add(999 * time.Millisecond)) {
		t.Errorf("Time() = %v", last.Time())
	}
}

func TestParseIDRefuses(t *testing.T) {
	good := NewID(time.UnixMilli(1)).String()
	for _, s := range []string{"", good[1:], good + "0", good[:19] + "w", good[:19] + "1", "ÄÄÄÄÄÄÄÄÄÄ"} {
		if _, err := ParseID(s); err == nil {
			t.Errorf("ParseID(%q) succeeded", s)
		}
	}
}

func TestFaultKeepsItsCauseFromStrangers(t *testing.T) {
	cause := errors.New("pebble: /var/lib/secret is full")
	err := fmt.Errorf("append: %w", Failed(KindDiskFull, "no room, try later", cause))
	f := AsFault(err)
	if f.Public != "no room, try later" || !errors.Is(err, cause) || !f.Kind.Temporary() {
		t.Errorf("AsFault = %+v", f)
	}
	if got := AsFault(cause); got.Kind != KindInternal || got.Public == cause.Error() {
		t.Errorf("a foreign error became %+v", got)
	}
}

func TestKindsDivide(t *testing.T) {
	for k := KindInternal; k < kindEnd; k++ {
		if k == kindPermanent { // the mark between the two, used by nobody
			continue
		}
		if want := k < KindSyntax; k.Temporary() != want {
			t.Errorf("kind %d: Temporary() = %v", k, !want)
		}
	}
}

func TestFlags(t *testing.T) {
	f := FlagSeen | FlagDeleted
	if got := f.IMAP(); !slices.Equal(got, []string{`\Seen`, `\Deleted`}) {
		t.Errorf("IMAP() = %v", got)
	}
	if FlagFromIMAP(`\seen`) != FlagSeen || FlagFromIMAP("Seen") != 0 {
		t.Error("FlagFromIMAP")
	}
	if FlagFromKeyword("$Seen") != FlagSeen || FlagFromKeyword("") != 0 {
		t.Error("FlagFromKeyword")
	}
	for k, want := range map[string]bool{"$forwarded": true, "Work": true, "": false, "a b": false, `\x`: false, "$seen": false, "ä": false} {
		if ValidKeyword(k) != want {
			t.Errorf("ValidKeyword(%q) = %v", k, !want)
		}
	}
}
