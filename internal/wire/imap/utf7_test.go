package imap

import "testing"

func TestUTF7(t *testing.T) {
	for _, c := range []struct{ plain, coded string }{
		{"INBOX", "INBOX"},
		{"a&b", "a&-b"},
		{"Entwürfe", "Entw&APw-rfe"},
		{"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"}, // RFC 3501 section 5.1.3
		{"ü&ö", "&APw-&-&APY-"},
		{"😀", "&2D3eAA-"},
		{"", ""},
	} {
		if got := string(AppendUTF7(nil, c.plain)); got != c.coded {
			t.Errorf("encode %q: %q, want %q", c.plain, got, c.coded)
		}
		if got, err := DecodeUTF7(c.coded); err != nil || got != c.plain {
			t.Errorf("decode %q: %q, %v, want %q", c.coded, got, err, c.plain)
		}
	}
	for _, bad := range []string{"&", "a&b", "&AGE-", "&APw", "&AP-", "&2D0-", "&APw-&APY-", "ü", "&APx-", "&AAo=-"} {
		if got, err := DecodeUTF7(bad); err == nil {
			t.Errorf("decode %q gives %q, want an error", bad, got)
		}
	}
}

func FuzzUTF7(f *testing.F) {
	f.Add("&U,BTFw-/&ZeVnLIqe-")
	f.Add("a&-b&2D3eAA-")
	f.Fuzz(func(t *testing.T, s string) {
		plain, err := DecodeUTF7(s)
		if err != nil {
			return
		}
		if back := string(AppendUTF7(nil, plain)); back != s {
			t.Fatalf("%q decodes to %q, which encodes to %q", s, plain, back)
		}
	})
}

func TestMailboxNames(t *testing.T) {
	for _, c := range []struct {
		in, utf7, utf8 string // the name in either mode; "-" for an error
	}{
		{`"Entw&APw-rfe"`, "Entwürfe", "Entw&APw-rfe"},
		{`"Entwürfe &- mehr"`, "Entwürfe & mehr", "Entwürfe &- mehr"},
		{`"a&b"`, "-", "a&b"},
		{"inBOX", "INBOX", "INBOX"},
		{"\"a\x01b\"", "-", "-"},
		{"{2}\r\n\xff\xfe", "-", "-"},
	} {
		for _, enc := range []Encoding{UTF7, UTF8} {
			want := c.utf7
			if enc == UTF8 {
				want = c.utf8
			}
			p := NewParser([]byte(c.in))
			p.UTF8 = enc == UTF8
			got, err := p.MailboxOnly()
			if err != nil {
				got = "-"
			}
			if got != want {
				t.Errorf("%s in mode %d: %q, %v, want %q", c.in, enc, got, err, want)
			}
		}
	}
}
