package mailbox

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// rowCodecs decode a row and encode what they read again.
var rowCodecs = []struct {
	name string
	turn func(b []byte) ([]byte, error)
}{
	{"account", func(b []byte) ([]byte, error) {
		r, err := decodeAccount(b)
		return r.append(nil), err
	}},
	{"keywords", func(b []byte) ([]byte, error) {
		t, err := decodeKeywords(b)
		if err != nil {
			return nil, err
		}
		return t.encode(), nil
	}},
	{"mailbox", func(b []byte) ([]byte, error) {
		m, err := decodeMeta(mail.MailboxID{}, b)
		return m.encode(), err
	}},
	{"counters", func(b []byte) ([]byte, error) {
		c, err := decodeCounters(b)
		return c.append(nil), err
	}},
	{"place", func(b []byte) ([]byte, error) {
		e, err := decodePlace(7, b)
		return e.append(nil), err
	}},
	{"email", func(b []byte) ([]byte, error) {
		r, err := decodeEmail(b)
		return r.append(nil), err
	}},
	{"overlay", func(b []byte) ([]byte, error) {
		o, err := decodeOverlay(9, b)
		return o.append(nil), err
	}},
	{"link", func(b []byte) ([]byte, error) {
		l, err := decodeLink(b)
		return l.append(nil), err
	}},
	{"journal", func(b []byte) ([]byte, error) {
		r, err := decodeJournal(b)
		return r.append(nil), err
	}},
}

func sampleRows() [][]byte {
	id := func(n byte) mail.ID { return mail.ID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, n} }
	acc := accountRow{used: Quota{1 << 40, 3}, limit: Quota{0, 7}, validity: 1795262403, pruned: 9}
	kw := keywordTable{names: []string{"$forwarded", "work"}}
	mt := meta{parent: mail.MailboxID{ID: id(1)}, name: "Entwürfe", role: mail.RoleDrafts, validity: 5, subscribed: true, created: -1}
	ct := counters{next: 1<<32 - 1, total: 3, unseen: 1, deleted: 2, size: 1 << 50, modseq: 1 << 62, overlays: 3}
	pl := entry{
		email: mail.EmailID{ID: id(2)}, modseq: 300, size: 1<<32 - 1, received: 1795262403,
		marks: marks{lo: uint64(mail.FlagSeen) | markShared | 1<<63, hi: 1 << 63},
	}
	em := emailRow{
		blob: store.BlobRef{ID: store.BlobID{ID: id(3)}, Size: 4096}, thread: mail.ThreadID{ID: id(4)}, received: 1,
		hashes: []threadHash{{1}, {2}}, spots: []spot{{mail.MailboxID{ID: id(5)}, 1}, {mail.MailboxID{ID: id(6)}, 1 << 31}},
	}
	ov := overlay{set: marks{lo: 1, hi: 1 << 40}, clear: marks{lo: 1 << 63}, uids: []mail.UID{1, 2, 3, 70000}}
	li := threadLink{thread: mail.ThreadID{ID: id(7)}, count: 300}
	jr := journalRow{
		created:   []threaded{{mail.EmailID{ID: id(8)}, mail.ThreadID{ID: id(8)}}},
		destroyed: []threaded{{mail.EmailID{ID: id(9)}, mail.ThreadID{ID: id(8)}}},
		updated:   []uidSet{{mail.MailboxID{ID: id(5)}, []mail.UID{1, 2, 3, 9, 1<<32 - 2}}},
		vanished:  []uidSet{{mail.MailboxID{ID: id(6)}, []mail.UID{4}}},
		boxes:     []boxChange{{mail.MailboxID{ID: id(5)}, boxCounts}, {mail.MailboxID{ID: id(6)}, boxDestroyed}},
	}
	return [][]byte{
		acc.append(nil), kw.encode(), mt.encode(), ct.append(nil), pl.append(nil), em.append(nil), ov.append(nil), li.append(nil), jr.append(nil),
	}
}

func TestRowsComeBack(t *testing.T) {
	for i, b := range sampleRows() {
		got, err := rowCodecs[i].turn(b)
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: %x came back as %x, %v", rowCodecs[i].name, b, got, err)
		}
		for n := range b {
			if _, err := rowCodecs[i].turn(b[:n]); !errors.Is(err, errRow) {
				t.Errorf("%s: %d of %d bytes: %v", rowCodecs[i].name, n, len(b), err)
			}
		}
		if _, err := rowCodecs[i].turn(append(slices.Clone(b), 0)); !errors.Is(err, errRow) {
			t.Errorf("%s: a byte too many: %v", rowCodecs[i].name, err)
		}
	}
}

func FuzzRows(f *testing.F) {
	for i, b := range sampleRows() {
		f.Add(uint8(i), b)
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		c := rowCodecs[int(kind)%len(rowCodecs)]
		once, err := c.turn(b)
		if err != nil {
			return
		}
		twice, err := c.turn(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s: %x came back as %x, %v", c.name, once, twice, err)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"INBOX", "inbox/a", "Entwürfe", "a//b", "\xff", "Nu\u0308rnberg"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		levels, err := parsePath(s)
		if err != nil {
			return
		}
		again, err := parsePath(joinPath(levels))
		if err != nil || !slices.Equal(again, levels) {
			t.Fatalf("%q is %q, and that is %q, %v", s, levels, again, err)
		}
	})
}

func TestEntryTimes(t *testing.T) {
	for _, c := range []struct{ in, out time.Time }{
		{time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0).UTC()},
		{time.Date(2026, 11, 21, 12, 0, 0, 5, time.UTC), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)},
		{time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<32-1, 0).UTC()},
	} {
		if got := (&entry{received: seconds(c.in)}).time(); !got.Equal(c.out) {
			t.Errorf("%v is kept as %v", c.in, got)
		}
	}
}

// The append path's rows are made without allocation.
func TestPlaceRowIsMadeInPlace(t *testing.T) {
	e := entry{email: mail.EmailID{ID: mail.ID{1}}, modseq: 1 << 40, size: 4096}
	c := counters{next: 9, total: 8}
	n := testing.AllocsPerRun(100, func() {
		var buf [128]byte
		_ = e.append(buf[:0])
		_ = c.append(buf[:0])
		k := placeKey(mail.AccountID{}, mail.MailboxID{}, 9)
		_ = k.bytes()
	})
	if n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
