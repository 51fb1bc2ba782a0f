package directory

import (
	"bytes"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

func TestNameRows(t *testing.T) {
	a, b := address(t, "a@nord.test"), address(t, `"x y"@süd.test`)
	for _, n := range []*nameRow{
		{kind: nameAccount, account: mail.AccountID{ID: mail.ID{1, 2, 3}}, primary: true},
		{kind: nameAccount, account: mail.AccountID{ID: mail.ID{9}}},
		{kind: nameAlias, alias: Alias{Address: a, Targets: []mail.Address{b, a}}},
		{kind: nameGroup, group: Group{Address: b, Name: "Größe", Members: []mail.Address{a}}},
	} {
		v, err := n.encode()
		must(t, err)
		back, err := decodeName(v)
		must(t, err)
		again, err := back.encode()
		must(t, err)
		if !bytes.Equal(v, again) || back.kind != n.kind || back.account != n.account || back.primary != n.primary || len(back.targets()) != len(n.targets()) {
			t.Errorf("%+v came back as %+v", n, back)
		}
	}
}

// Keys must keep one domain's addresses together, and apart from a domain whose name begins alike.
func TestNameKeysAreInOrder(t *testing.T) {
	keys := [][]byte{
		nameKey(mail.Address{Local: "z", Domain: "a.test"}), nameKey(mail.Address{Local: "a", Domain: "a.test.b"}), nameKey(mail.Address{Local: "B", Domain: "b"}),
	}
	for i := 1; i < len(keys); i++ {
		if bytes.Compare(keys[i-1], keys[i]) >= 0 {
			t.Errorf("key %d is not before key %d", i-1, i)
		}
	}
	if r := namesOf("a.test"); bytes.Compare(keys[0], r.Start) < 0 || bytes.Compare(keys[0], r.End) >= 0 || bytes.Compare(keys[1], r.End) < 0 {
		t.Error("a domain's range holds another domain's addresses, or not its own")
	}
}

// FuzzDecodeRows: a damaged row is an error and nothing worse.
func FuzzDecodeRows(f *testing.F) {
	f.Add([]byte("a\x01123456789012"))
	f.Add([]byte(`l{"address":"a@b.test","targets":["c@d.test"]}`))
	f.Add([]byte(`g{"members":["c@d.test",""]}`))
	f.Add([]byte(`{"id":"","addresses":["x"],"lang":"fr"}`))
	f.Fuzz(func(t *testing.T, v []byte) {
		if n, err := decodeName(v); err == nil {
			if _, err := n.encode(); err != nil {
				t.Fatalf("%q was read and cannot be written: %v", v, err)
			}
		}
		_, _ = decodeAccount(v)
		_, _ = decodeDomain(v)
		_, _ = decodePassword(v)
	})
}
