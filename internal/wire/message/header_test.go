package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestReadHeader(t *testing.T) {
	for _, c := range []struct {
		name, msg string
		fields    []string // "Name=Value"
		body      string
	}{
		{"usual", "From: a@b\r\nSubject: one\r\n two\r\n\r\nbody", []string{"From=a@b", "Subject=one two"}, "body"},
		{"line feeds", "From: a@b\nSubject: one\n\ttwo\n\nbody", []string{"From=a@b", "Subject=one\ttwo"}, "body"},
		{"no body", "From: a@b\r\n", []string{"From=a@b"}, ""},
		{"no line end", "From: a@b", []string{"From=a@b"}, ""},
		{"no header", "\r\nbody", nil, "body"},
		{"nothing", "", nil, ""},
		{"body at once", "hello there\r\nyou\r\n", nil, "hello there\r\nyou\r\n"},
		{"body after a field", "From: a@b\r\nhello there: you\r\n", []string{"From=a@b"}, "hello there: you\r\n"},
		{"mailbox line", "From a@b Sat\r\nTo: x\r\n\r\n", []string{"To=x"}, ""},
		{"space before colon", "To : x\r\n\r\n", []string{"To=x"}, ""},
		{"fold first", " x\r\n\r\nb", nil, " x\r\n\r\nb"},
		{"bare colon", ": x\r\n\r\n", nil, ": x\r\n\r\n"},
		{"utf-8", "Subject: Grüße\r\n\r\n", []string{"Subject=Grüße"}, ""},
	} {
		r := bufio.NewReaderSize(strings.NewReader(c.msg), 16)
		h, err := ReadHeader(r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, f := range h {
			got = append(got, f.Name()+"="+f.Value())
		}
		if !reflect.DeepEqual(got, c.fields) {
			t.Errorf("%s: fields %q, want %q", c.name, got, c.fields)
		}
		if body, _ := io.ReadAll(r); string(body) != c.body {
			t.Errorf("%s: body %q, want %q", c.name, body, c.body)
		}
	}
}

func TestReadHeaderLimits(t *testing.T) {
	for name, msg := range map[string]string{
		"line":   "X: " + strings.Repeat("x", MaxField),
		"folds":  "X: y\r\n" + strings.Repeat(" "+strings.Repeat("x", 70)+"\r\n", MaxField/70),
		"fields": strings.Repeat("X: y\r\n", MaxFields+1),
		"total":  strings.Repeat("X: "+strings.Repeat("y", 1000)+"\r\n", MaxHeader/1000),
	} {
		if _, err := ReadHeader(bufio.NewReader(strings.NewReader(msg))); !errors.Is(err, ErrHeaderTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader("From: x\r\nTo"), failing{broken})
	if _, err := ReadHeader(bufio.NewReader(r)); !errors.Is(err, broken) {
		t.Errorf("a broken reader gives %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestHeaderKeepsBytes(t *testing.T) {
	block := []byte("Received: from a\r\n\tby b\r\nnonsense\r\nSUBJECT:x\r\n\r\n")
	h, err := ParseHeader(block)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.AppendTo(nil); !bytes.Equal(got, block) {
		t.Errorf("written anew: %q", got)
	}
	if h.Get("subject") != "x" || h.Count("received") != 1 || len(h.Without("Received", "subject")) != 1 {
		t.Errorf("%q", h.AppendTo(nil))
	}
	if v := h[0].RawValue(); string(v) != " from a\r\n\tby b\r\n" {
		t.Errorf("raw value %q", v)
	}
	if f := MakeField("To", "x@y"); string(f.Raw) != "To: x@y\r\n" || f.Value() != "x@y" {
		t.Errorf("%q", f.Raw)
	}
}

func TestParseAddressList(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Address
	}{
		{"", nil},
		{"a@b.test", []Address{{Local: "a", Domain: "b.test"}}},
		{"<a@b.test>", []Address{{Local: "a", Domain: "b.test"}}},
		{"Jan Ort <a@b.test>, c@d.test", []Address{{Name: "Jan Ort", Local: "a", Domain: "b.test"}, {Local: "c", Domain: "d.test"}}},
		{`"Ort, Jan \"J\"" <a@b.test>`, []Address{{Name: `Ort, Jan "J"`, Local: "a", Domain: "b.test"}}},
		{"a@b.test (Jan (der) Ort)", []Address{{Name: "Jan (der) Ort", Local: "a", Domain: "b.test"}}},
		{"=?utf-8?q?K=C3=A4the?= <k@b.test>", []Address{{Name: "=?utf-8?q?K=C3=A4the?=", Local: "k", Domain: "b.test"}}},
		{"Käthe <käthe@müller.test>", []Address{{Name: "Käthe", Local: "käthe", Domain: "müller.test"}}},
		{"Team: a@b.test, C <c@d.test>;, x@y.test", []Address{{Name: "Team", Mark: MarkGroupStart},
			{Local: "a", Domain: "b.test"}, {Name: "C", Local: "c", Domain: "d.test"}, {Mark: MarkGroupEnd}, {Local: "x", Domain: "y.test"}}},
		{"undisclosed-recipients:;", []Address{{Name: "undisclosed-recipients", Mark: MarkGroupStart}, {Mark: MarkGroupEnd}}},
		{`"quoted local"@b.test`, []Address{{Local: "quoted local", Domain: "b.test"}}},
		{`<"quoted@local"@b.test>`, []Address{{Local: "quoted@local", Domain: "b.test"}}},
		{"<@relay.test,@other.test:a@b.test>", []Address{{Local: "a", Domain: "b.test"}}},
		{"a @ b . test", []Address{{Local: "a", Domain: "b.test"}}},
		{"x <a@[IPv6:2001:db8::1]>", []Address{{Name: "x", Local: "a", Domain: "[IPv6:2001:db8::1]"}}},
		{"a@[192.0.2.1]", []Address{{Local: "a", Domain: "[192.0.2.1]"}}},
		{"just a name", []Address{{Local: "justaname"}}},
		{"J. Ort <a@b.test", []Address{{Name: "J. Ort", Local: "a", Domain: "b.test"}}},
		{"\"open <a@b.test>", []Address{{Local: "open <a@b.test>"}}},
		{", ,;:,<>,", []Address{{Mark: MarkGroupStart}, {Mark: MarkGroupEnd}}},
		{"a@b.test <a@b.test>", []Address{{Name: "a@b.test", Local: "a", Domain: "b.test"}}},
	} {
		if got := ParseAddressList(c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q:\n got %+v\nwant %+v", c.in, got, c.want)
		}
	}
}

func TestAddressMail(t *testing.T) {
	a := ParseAddressList(`"a b"@Müller.test`)[0]
	m, err := a.Mail()
	if err != nil || m.Local != "a b" || m.Domain != "xn--mller-kva.test" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := (Address{Local: "x"}).Mail(); err == nil {
		t.Error("an address without a domain is one")
	}
}

func TestFormatAddressList(t *testing.T) {
	for _, in := range []string{
		"a@b.test", "Jan Ort <a@b.test>", `"Ort, J." <a@b.test>, c@d.test`, "Team: a@b.test, c@d.test;", "nobody: ;",
		`"a b"@c.test`, "=?utf-8?q?=C3=A4?= <a@b.test>", "x: ;, a@b.test",
	} {
		if got := FormatAddressList(ParseAddressList(in)); got != in {
			t.Errorf("%q is written as %q", in, got)
		}
	}
}

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"Sat, 21 Nov 2026 21:11:03 +0100":              "2026-11-21T21:11:03+01:00",
		"21 Nov 2026 21:11 -0000":                      "2026-11-21T21:11:00Z",
		"Sat, 21 Nov 26 21:11:03 EST (a (nested) one)": "2026-11-21T21:11:03-05:00",
		"Fri, 21 Nov 97 09:55:06 -0600":                "1997-11-21T09:55:06-06:00",
		"Fri,21 Nov 1997 09(comment):55:06 GMT":        "1997-11-21T00:00:00Z", // the day is better than nothing
		"21-Nov-1997 09:55:06 UT":                      "1997-11-21T09:55:06Z",
		"Sat Nov 21 21:11:03 2026":                     "2026-11-21T21:11:03Z",
		"Sat Nov 21 21:11:03 CET 2026":                 "2026-11-21T21:11:03+01:00",
		"Sat, 21 November 2026 21:11:03 +0530":         "2026-11-21T21:11:03+05:30",
		"Sat, 21 Nov 126 21:11:03 Z":                   "2026-11-21T21:11:03Z",
		"31 Feb 2026 00:00:60 +0000":                   "2026-03-03T00:01:00Z",
		"":                                             "-",
		"yesterday":                                    "-",
		"32 Nov 2026 00:00:00 +0000":                   "-",
		"21 Nov 2026 25:00:00 +0000":                   "-",
	} {
		got := "-"
		if d, ok := ParseDate(in); ok {
			got = d.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q = %s, want %s", in, got, want)
		}
	}
	at := time.Date(2026, 11, 1, 2, 3, 4, 0, time.FixedZone("", 3600))
	if s := FormatDate(at); s != "Sun, 01 Nov 2026 02:03:04 +0100" {
		t.Error(s)
	}
}

func TestBaseSubject(t *testing.T) {
	for _, c := range []struct {
		in, want string
		reply    bool
	}{
		{"Lunch", "lunch", false},
		{"Re: Lunch", "lunch", true},
		{"RE:  re : AW: WG: Lunch  today", "lunch today", true},
		{"Re[2]: Lunch", "lunch", true},
		{"[list] Re: [list] Lunch", "lunch", true},
		{"[list] Lunch", "lunch", false},
		{"[only]", "[only]", false},
		{"Fwd: Lunch (fwd)", "lunch", true},
		{"[Fwd: Re: Lunch]", "lunch", true},
		{"=?utf-8?q?AW=3A_Gr=C3=BC=C3=9Fe?=", "grüße", true},
		{"Reading list", "reading list", false},
		{"", "", false},
		{"Re:", "", true},
	} {
		if got, reply := BaseSubjectReply(c.in); got != c.want || reply != c.reply {
			t.Errorf("%q = %q, %v, want %q, %v", c.in, got, reply, c.want, c.reply)
		}
	}
}

func TestMessageIDs(t *testing.T) {
	for in, want := range map[string][]string{
		"<a@b>":                      {"<a@b>"},
		"<a@b> <c@d>\t<e@f>":         {"<a@b>", "<c@d>", "<e@f>"},
		"Your message of <a@b> (so)": {"<a@b>"},
		"<a@ b>":                     {"<a@b>"},
		"<x <a@b>":                   {"<a@b>"},
		"<>":                         nil,
		"nothing":                    nil,
	} {
		if got := ParseMessageIDs(in); !reflect.DeepEqual(got, want) {
			t.Errorf("%q = %q, want %q", in, got, want)
		}
	}
	many := "<first@x>" + strings.Repeat(" <mid@x>", 2*MaxReferences) + " <last@x>"
	got := ParseMessageIDs(many)
	if len(got) != MaxReferences || got[0] != "<first@x>" || got[len(got)-1] != "<last@x>" {
		t.Errorf("%d ids, %s to %s", len(got), got[0], got[len(got)-1])
	}
	if got := firstID("bare@id"); got != "<bare@id>" {
		t.Error(got)
	}
}

func TestDecodeText(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                              "plain",
		"Grüße":                              "Grüße",
		"Gr\xfc\xdfe":                        "Grüße",
		"=?iso-8859-1?Q?Gr=FC=DFe?=":         "Grüße",
		"=?utf-8?b?R3LDvMOfZQ==?=":           "Grüße",
		"=?utf-8?b?R3LDvMOfZQ?=":             "Grüße",
		"=?UTF-8*de?Q?a_b?=":                 "a b",
		"=?utf-8?q?a?= =?utf-8?q?b?=":        "ab",
		"=?utf-8?q?=C3?= =?utf-8?q?=BC?=":    "ü",
		"=?utf-8?q?a?= c =?utf-8?q?b?=":      "a c b",
		"=?utf-8?q?a?=c":                     "ac",
		"=?gb2312?B?1tDOxA==?=":              "中文",
		"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=": "日本",
		"=?koi8-r?B?8NLJ18XU?=":              "Привет",
		"=?x-none?q?a=FCb?=":                 "aüb",
		"=?broken":                           "=?broken",
		"=?utf-8?x?a?=":                      "=?utf-8?x?a?=",
		"a\x00b\tc":                          "a b c",
		"=?utf-8?q?=0D=0ABcc:_x?=":           "  Bcc: x",
	} {
		if got := DecodeText(in); got != want {
			t.Errorf("%q = %q, want %q", in, got, want)
		}
	}
}

func TestParams(t *testing.T) {
	for in, want := range map[string]string{
		`name=x`:                                 "x",
		`name="a \"b\" ;c"`:                      `a "b" ;c`,
		`name=a b.txt; x=y`:                      "a b.txt",
		`name*=utf-8'de'%C3%BC.txt`:              "ü.txt",
		`name*0="a"; name*1="b"`:                 "ab",
		`name*0*=utf-8''%C3; name*1*=%BC`:        "ü",
		`name*0*=iso-8859-1''%FC; name*1="x"`:    "üx",
		`name="=?utf-8?q?=C3=BC?="`:              "ü",
		`; ;NAME = x (comment) ; other`:          "x",
		`name=ü`:                                 "ü",
		`name=plain; name*=utf-8''better`:        "better",
		`name="unterminated`:                     "unterminated",
		`name*=nothing`:                          "nothing",
		`name*=utf-8''%ZZ`:                       "%ZZ",
		`x=y`:                                    "",
		`name*1=b`:                               "",
		`name*0="long"; name*2="gap"; name*1=er`: "longergap",
	} {
		if got := parseParams(in).Get("name"); got != want {
			t.Errorf("%s = %q, want %q", in, got, want)
		}
	}
	p := Part{DispositionParams: parseParams(`filename="C:\\a\\..\\x.txt"`)}
	if got := p.Filename(); got != "x.txt" {
		t.Errorf("filename %q", got)
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct{ enc, in, want string }{
		{"base64", "SGFs\r\nbG8=\r\n", "Hallo"},
		{"base64", "SGFs*bG8", "Hallo"},
		{"base64", "SGE=\r\n____\r\nA list's footer", "Ha"},
		{"base64", "=S=GE", "Ha"},
		{"base64", "S", ""},
		{"quoted-printable", "a=3Db=\r\nc=C3=BC \t\r\n=\r\n", "a=bcü\r\n"},
		{"quoted-printable", "a= \r\nb=\nc", "abc"},
		{"quoted-printable", "=G1 =4", "=G1 =4"},
		{"quoted-printable", "word =\r\nnext  x  ", "word next  x"},
		{"quoted-printable", "=", ""},
		{"7bit", "a=3D", "a=3D"},
		{"x-unknown", "abc", "abc"},
	} {
		for _, size := range []int{1, 2, 100} {
			var out []byte
			r := Decode(strings.NewReader(c.in), c.enc)
			buf := make([]byte, size)
			for {
				n, err := r.Read(buf)
				out = append(out, buf[:n]...)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if string(out) != c.want {
				t.Errorf("%s %q by %d = %q, want %q", c.enc, c.in, size, out, c.want)
			}
		}
	}
}

// TestHostileHeadersAreCheap reads values made to be read again and again. With work that grows by the square of the length,
// this takes minutes.
func TestHostileHeadersAreCheap(t *testing.T) {
	for _, unit := range []string{"@[", "<[", "=?a?q?", "=?", "=?a?b?", "(", "\"", "[", "re:", "[a]", "<", "<a", "a b=;", "x;", "; (", "(fwd)", "[fwd:", ":;", "'"} {
		v := strings.Repeat(unit, 3*MaxField/len(unit))
		ParseAddressList(v)
		DecodeText(v)
		ParseMessageIDs(v)
		BaseSubject(v)
		_, _, ps := parseContentType("a/b;" + v)
		ps.Get("name")
		ParseDate(v)
		stripTags(v)
	}
}
