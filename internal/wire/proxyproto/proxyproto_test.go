package proxyproto

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
)

const v2 = signatureV2

var cases = []struct {
	name, in, rest string
	src, dst       string // "" for Local
	err            string
}{
	{name: "v1 IPv4", in: "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\nEHLO", rest: "EHLO",
		src: "192.0.2.1:56324", dst: "198.51.100.2:25"},
	{name: "v1 IPv6", in: "PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", src: "[2001:db8::1]:1", dst: "[2001:db8::2]:65535"},
	{name: "v1 longest", in: "PROXY TCP6 " + strings.Repeat("ffff:", 7) + "ffff " + strings.Repeat("ffff:", 7) + "ffff 65535 65535\r\nx",
		rest: "x", src: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", dst: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
	{name: "v1 unknown", in: "PROXY UNKNOWN\r\nQ", rest: "Q"},
	{name: "v1 unknown with more", in: "PROXY UNKNOWN ffff:: ffff:: 1 2\r\n"},
	{name: "v1 family mixed", in: "PROXY TCP4 2001:db8::1 192.0.2.1 1 2\r\n", err: "bad address"},
	{name: "v1 zone", in: "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", err: "bad address"},
	{name: "v1 port too large", in: "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", err: "bad port"},
	{name: "v1 port with zero", in: "PROXY TCP4 192.0.2.1 192.0.2.2 025 2\r\n", err: "bad port"},
	{name: "v1 two spaces", in: "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", err: "fields"},
	{name: "v1 LF alone", in: "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", err: "CRLF"},
	{name: "v1 endless", in: "PROXY UNKNOWN " + strings.Repeat("x", 200), err: "too long"},
	{name: "v1 cut", in: "PROXY TCP4 192.0.2.1", err: "EOF"},
	{name: "none", in: "EHLO client.example\r\n", err: "no PROXY header"},
	{name: "v2 IPv4", in: v2 + "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x00\x19EHLO", rest: "EHLO",
		src: "192.0.2.1:56324", dst: "198.51.100.2:25"},
	{name: "v2 extensions skipped", in: v2 + "\x21\x11\x00\x10\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x00\x19\x04\x00\x01\x00Q", rest: "Q",
		src: "192.0.2.1:56324", dst: "198.51.100.2:25"},
	{name: "v2 IPv6", in: v2 + "\x21\x21\x00\x24" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" +
		"\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x02" + "\x00\x01\x00\x02", src: "[2001:db8::1]:1", dst: "[2001:db8::2]:2"},
	{name: "v2 local", in: v2 + "\x20\x00\x00\x00N", rest: "N"},
	{name: "v2 unspecified", in: v2 + "\x21\x00\x00\x00"},
	{name: "v2 version 3", in: v2 + "\x31\x11\x00\x00", err: "unknown version"},
	{name: "v2 UDP", in: v2 + "\x21\x12\x00\x0c" + strings.Repeat("a", 12), err: "family"},
	{name: "v2 short addresses", in: v2 + "\x21\x11\x00\x0bxxxxxxxxxxx", err: "cut short"},
	{name: "v2 huge", in: v2 + "\x21\x11\xff\xff", err: "too long"},
	{name: "v2 cut", in: v2 + "\x21\x11\x00\x0c123", err: "EOF"},
	{name: "empty", in: "", err: "EOF"},
}

func TestRead(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := strings.NewReader(c.in)
			h, err := Read(r)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := Header{Local: true}
			if c.src != "" {
				want = Header{Source: netip.MustParseAddrPort(c.src), Destination: netip.MustParseAddrPort(c.dst)}
			}
			if h != want {
				t.Errorf("got %+v, want %+v", h, want)
			}
			if rest, _ := io.ReadAll(r); string(rest) != c.rest {
				t.Errorf("left %q, want %q", rest, c.rest)
			}
		})
	}
}

func TestNoHeaderIsTold(t *testing.T) {
	if _, err := Read(strings.NewReader("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00")); !errors.Is(err, ErrNoHeader) {
		t.Errorf("a TLS hello: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	for _, c := range cases {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		h, err := Read(r)
		used := len(in) - r.Len()
		if used > MaxV2 {
			t.Fatalf("read %d bytes", used)
		}
		if err != nil {
			return
		}
		if h.Local == h.Source.IsValid() || h.Source.IsValid() != h.Destination.IsValid() {
			t.Fatalf("half a header: %+v", h)
		}
		again, err := Read(bytes.NewReader(in[:used]))
		if err != nil || again != h {
			t.Fatalf("the header alone reads as %+v, %v; before %+v", again, err, h)
		}
	})
}
