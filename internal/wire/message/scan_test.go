package message

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/jhillyerd/enmime/v2"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scan makes a summary of a message written in pieces of at most n bytes.
func scan(t testing.TB, msg []byte, n int) *Summary {
	t.Helper()
	var s Scanner
	for p := msg; len(p) > 0; {
		k := min(n, len(p))
		if got, err := s.Write(p[:k]); got != k || err != nil {
			t.Fatalf("Write = %d, %v", got, err)
		}
		p = p[k:]
	}
	return s.Close()
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/scan/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal("no messages", err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[f] = b
	}
	return out
}

// emptyLines are those of a golden file that say that something is not there.
var emptyLines = regexp.MustCompile(`(?m)^ *"\w+": (null|""),?\n`)

func TestScanGolden(t *testing.T) {
	for file, msg := range corpus(t) {
		s := scan(t, msg, len(msg)+1)
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetIndent("", " ")
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		b = *bytes.NewBuffer(emptyLines.ReplaceAll(b.Bytes(), nil))
		s.Root.Walk(func(p *Part) bool {
			fmt.Fprintf(&b, "%s/%s %q\n", p.Type, p.Subtype, msg[p.BodyStart:p.End])
			return true
		})
		golden(t, strings.TrimSuffix(file, ".eml")+".golden", b.Bytes())
	}
}

func TestScanIsTheSameInAnyPieces(t *testing.T) {
	for file, msg := range corpus(t) {
		want := scan(t, msg, len(msg)+1)
		for _, n := range []int{1, 2, 3, 7, 64, 1000} {
			if got := scan(t, msg, n); !reflect.DeepEqual(got, want) {
				t.Errorf("%s in pieces of %d differs:\n%+v\n%+v", file, n, got, want)
			}
		}
	}
}

// TestScanAgainstEnmime compares the leaves with those another parser finds.
func TestScanAgainstEnmime(t *testing.T) {
	for _, name := range []string{"plain", "mixed", "report"} {
		msg, err := os.ReadFile("testdata/scan/" + name + ".eml")
		if err != nil {
			t.Fatal(err)
		}
		root, err := enmime.ReadParts(bytes.NewReader(msg))
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		root.DepthMatchAll(func(p *enmime.Part) bool {
			if p.FirstChild == nil {
				ct := p.ContentType
				if ct == "" {
					ct = "text/plain"
				}
				want = append(want, ct+" "+strings.TrimRight(string(p.Content), "\r\n"))
			}
			return false
		})
		s := scan(t, msg, 10)
		s.Root.Walk(func(p *Part) bool {
			if len(p.Children) == 0 {
				c, err := io.ReadAll(p.Content(bytes.NewReader(msg[p.BodyStart:p.End])))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, p.Type+"/"+p.Subtype+" "+strings.TrimRight(string(c), "\r\n"))
			}
			return true
		})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	msg, err := os.ReadFile("testdata/scan/nested.eml")
	if err != nil {
		t.Fatal(err)
	}
	s := scan(t, msg, 4096)
	for _, c := range []struct {
		path []int
		want string // the body; "-" for none
	}{
		{[]int{1, 1}, "one"},
		{[]int{1, 2}, "Subject: deepest\r\n\r\ntext"},
		{[]int{1, 2, 1}, "text"},
		{[]int{1, 2, 2}, "-"},
		{[]int{1, 3}, "-"},
		{[]int{2}, "last"},
		{[]int{2, 1}, "-"},
		{[]int{3}, "-"},
		{[]int{0}, "-"},
	} {
		got := "-"
		if p := s.Find(c.path...); p != nil {
			got = string(msg[p.BodyStart:p.End])
		}
		if got != c.want {
			t.Errorf("Find(%v) = %q, want %q", c.path, got, c.want)
		}
	}
	one := scan(t, []byte("Subject: x\r\n\r\nbody"), 5)
	if p := one.Find(1); p != &one.Root {
		t.Error("part 1 of a message in one piece is not its body")
	}
	if one.Find(2) != nil || one.Find(1, 1) != nil {
		t.Error("a message in one piece has more parts")
	}
}

func TestScanLimits(t *testing.T) {
	var deep bytes.Buffer
	for i := range 3 * MaxDepth {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	depth := 0
	s := scan(t, deep.Bytes(), 1000)
	for p := &s.Root; len(p.Children) > 0; p = &p.Children[0] {
		depth++
	}
	if depth > MaxDepth || !s.Traits.Has(Clipped) {
		t.Errorf("depth %d, traits %b", depth, s.Traits)
	}

	messages := bytes.Repeat([]byte("Content-Type: message/rfc822\r\n\r\n"), 10*MaxDepth)
	s = scan(t, messages, 1000)
	depth = 0
	for p := &s.Root; len(p.Children) > 0; p = &p.Children[0] {
		depth++
	}
	if depth > MaxDepth {
		t.Errorf("messages nested %d deep", depth)
	}

	many := []byte("Content-Type: multipart/mixed; boundary=q\r\n\r\n")
	many = append(many, bytes.Repeat([]byte("--q\r\n\r\nx\r\n"), 2*MaxParts)...)
	many = append(many, "--q--\r\n"...)
	s = scan(t, many, 4096)
	if n := len(s.Root.Children); n > MaxParts || n < MaxParts/2 || !s.Traits.Has(Clipped) {
		t.Errorf("%d parts, traits %b", n, s.Traits)
	}
	if last := s.Root.Children[len(s.Root.Children)-1]; last.End != int64(len(many)-len("\r\n--q--\r\n")) {
		t.Errorf("the last part ends at %d of %d", last.End, len(many))
	}

	long := []byte("Subject: " + strings.Repeat("x", 2*MaxHeader) + "\r\nFrom: a@b.test\r\n\r\nbody")
	for _, n := range []int{13, 1 << 20} {
		s = scan(t, long, n)
		if !s.Traits.Has(Clipped|LongLines) || string(long[s.Root.BodyStart:s.Root.End]) != "body" {
			t.Errorf("a long header: body at %d, traits %b", s.Root.BodyStart, s.Traits)
		}
	}
}

func TestTraits(t *testing.T) {
	for _, c := range []struct {
		msg  string
		want Traits
	}{
		{"Subject: x\r\n\r\nbody\r\n", 0},
		{"Subject: ü\r\n\r\nbody\r\n", Header8Bit},
		{"Subject: x\r\n\r\nü\r\n", Body8Bit},
		{"Subject: x\r\n\r\na\nb\r\n", BodyBinary},
		{"Subject: x\r\n\r\na\rb\r\n", BodyBinary},
		{"Subject: x\r\n\r\na\r\r\nb\r\n", BodyBinary},
		{"Subject: x\r\n\r\na\x00\r\n", BodyBinary},
		{"Subject: x\n\r\n\r\n", BodyBinary},
		{"Subject: x\r\n\r\n" + strings.Repeat("y", 998) + "\r\n", 0},
		{"Subject: x\r\n\r\n" + strings.Repeat("y", 999) + "\r\n", LongLines},
		{"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Description: ü\r\n\r\nx\r\n--q--\r\n", PartHeader8Bit},
		{"Content-Type: image/png\r\n\r\nx", HasAttachment},
		{"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nx", HasAttachment},
	} {
		for _, n := range []int{1, 1 << 20} {
			if got := scan(t, []byte(c.msg), n).Traits; got != c.want {
				t.Errorf("traits of %.40q = %b, want %b", c.msg, got, c.want)
			}
		}
	}
}

func TestPreview(t *testing.T) {
	for _, c := range []struct{ msg, want string }{
		{"\r\n  Hallo\r\n\r\n Welt \t\r\n", "Hallo Welt"},
		{"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<html><head><title>T</title><style>p{}</style></head>" +
			"<body><!-- c --><p>Gr\xfc\xdfe &amp; K\xfcsse<script>x()</script></p>", "Grüße & Küsse"},
		{"Content-Transfer-Encoding: base64\r\n\r\nSGFsbG8sIFdlbHQh", "Hallo, Welt!"},
		{"\r\n" + strings.Repeat("ä", 3000), strings.Repeat("ä", MaxPreview)},
		{"Content-Type: image/png\r\n\r\nabc", ""},
	} {
		if got := scan(t, []byte(c.msg), 100).Preview; got != c.want {
			t.Errorf("preview of %.60q = %q, want %q", c.msg, got, c.want)
		}
	}
}

func TestSummaryRoundTrip(t *testing.T) {
	for file, msg := range corpus(t) {
		want := scan(t, msg, 100)
		b, err := want.AppendBinary([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeSummary(b[1:])
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if !sameSummary(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", file, got, want)
		}
		for n := range b[1:] {
			if _, err := DecodeSummary(b[1 : 1+n]); err == nil {
				t.Fatalf("%s: %d of %d bytes decode", file, n, len(b)-1)
			}
		}
	}
}

// sameSummary compares by content: zones and empty lists may differ in form.
func sameSummary(a, b *Summary) bool {
	x, err1 := a.AppendBinary(nil)
	y, err2 := b.AppendBinary(nil)
	return err1 == nil && err2 == nil && bytes.Equal(x, y) && a.Envelope.Date.Equal(b.Envelope.Date)
}

func FuzzScan(f *testing.F) {
	for _, msg := range corpus(f) {
		f.Add(msg, uint64(1))
	}
	f.Fuzz(func(t *testing.T, msg []byte, seed uint64) {
		whole := scan(t, msg, len(msg)+1)
		if whole.Size != int64(len(msg)) {
			t.Fatalf("size %d of %d", whole.Size, len(msg))
		}
		var pieces Scanner
		r := rand.New(rand.NewPCG(seed, seed))
		for p := msg; len(p) > 0; {
			n := min(1+r.IntN(40), len(p))
			pieces.Write(p[:n])
			p = p[n:]
		}
		if got := pieces.Close(); !reflect.DeepEqual(got, whole) {
			t.Fatalf("pieces differ:\n%+v\n%+v", got, whole)
		}
		whole.Root.Walk(func(p *Part) bool {
			at := p.BodyStart
			if p.HeaderStart < 0 || p.BodyStart < p.HeaderStart || p.End < p.BodyStart || p.End > whole.Size {
				t.Fatalf("offsets %+v", p)
			}
			if n := int64(bytes.Count(msg[p.BodyStart:p.End], []byte("\n"))); p.Lines != n {
				t.Fatalf("%d lines, want %d, in %q", p.Lines, n, msg[p.BodyStart:p.End])
			}
			for _, c := range p.Children {
				if c.HeaderStart < at || c.End > p.End {
					t.Fatalf("child outside of its parent: %+v", p)
				}
				at = c.End
			}
			return true
		})
		b, _ := whole.AppendBinary(nil)
		back, err := DecodeSummary(b)
		if err != nil || !sameSummary(back, whole) {
			t.Fatalf("round trip: %v", err)
		}
		sameExtent(t, b, &whole.Root)
	})
}

// sameExtent holds DecodeExtent to what the whole summary says, and to its own ends.
func sameExtent(t *testing.T, b []byte, root *Part) {
	t.Helper()
	got, err := DecodeExtent(b)
	if err != nil || got != root.Extent() {
		t.Fatalf("the extent is %+v, %v; the summary says %+v", got, err, root)
	}
	for _, n := range []int{0, 1, 2, 3} {
		if _, err := DecodeExtent(b[:n]); err == nil {
			t.Fatalf("%d of %d bytes are enough", n, len(b))
		}
	}
}

func FuzzDecodeSummary(f *testing.F) {
	for _, msg := range corpus(f) {
		b, _ := scan(f, msg, 100).AppendBinary(nil)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSummary(b)
		if err != nil {
			return
		}
		again, _ := s.AppendBinary(nil)
		if _, err := DecodeSummary(again); err != nil {
			t.Fatalf("written anew it does not decode: %v", err)
		}
		sameExtent(t, again, &s.Root)
	})
}

// benchMessage is a mail of about size bytes: text, HTML and a base64 attachment.
func benchMessage(size int) []byte {
	var b bytes.Buffer
	b.WriteString("From: =?utf-8?q?K=C3=A4the?= <kaethe@nord.test>\r\nTo: Jan <jan@sued.test>\r\nSubject: a report\r\n" +
		"Date: Sat, 21 Nov 2026 21:11:03 +0100\r\nMessage-ID: <1@nord.test>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"=_outer\"\r\n\r\n--=_outer\r\nContent-Type: text/plain\r\n\r\n" +
		strings.Repeat("Some words that a person wrote to another one.\r\n", 20) +
		"--=_outer\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	line := strings.Repeat("A", 76) + "\r\n"
	for b.Len() < size {
		b.WriteString(line)
	}
	b.WriteString("--=_outer--\r\n")
	return b.Bytes()
}

// TestVeryManyPartsStayInOrder: they are gathered from many pieces, however deep.
func TestVeryManyPartsStayInOrder(t *testing.T) {
	inner := "Content-Type: multipart/mixed; boundary=i\r\n\r\n" + strings.Repeat("--i\r\n\r\nx\r\n", 3*manyParts) + "--i--\r\n"
	all := "Content-Type: multipart/mixed; boundary=q\r\n\r\n" + strings.Repeat("--q\r\n"+inner, 5) + strings.Repeat("--q\r\n\r\nx\r\n", 10*manyParts) + "--q--\r\n"
	s := scan(t, []byte(all), 4096)
	if n := len(s.Root.Children); n != 5+10*manyParts {
		t.Fatalf("%d parts", n)
	}
	for i, p := range s.Root.Children {
		if i > 0 && p.HeaderStart <= s.Root.Children[i-1].End {
			t.Errorf("part %d begins at %d, the one before ends at %d", i, p.HeaderStart, s.Root.Children[i-1].End)
		}
		if i < 5 && len(p.Children) != 3*manyParts || i >= 5 && p.Children != nil {
			t.Errorf("part %d has %d parts", i, len(p.Children))
		}
	}
}

// BenchmarkScanManyParts is the cost of the most parts there may be.
func BenchmarkScanManyParts(b *testing.B) {
	msg := []byte("Content-Type: multipart/mixed; boundary=q\r\n\r\n" + strings.Repeat("--q\r\n\r\nx\r\n", MaxParts-1) + "--q--\r\n")
	b.ReportAllocs()
	for b.Loop() {
		var s Scanner
		_, _ = s.Write(msg)
		if len(s.Close().Root.Children) != MaxParts-1 {
			b.Fatal("parts are missing")
		}
	}
}

func BenchmarkScan(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			msg := benchMessage(size)
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				var s Scanner
				for p := msg; len(p) > 0; {
					n := min(32<<10, len(p))
					s.Write(p[:n])
					p = p[n:]
				}
				if len(s.Close().Root.Children) != 2 {
					b.Fatal("parts")
				}
			}
		})
	}
}

func BenchmarkDecodeExtent(b *testing.B) {
	enc, _ := scan(b, benchMessage(4<<10), 1<<20).AppendBinary(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeExtent(enc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSummary(b *testing.B) {
	enc, _ := scan(b, benchMessage(4<<10), 1<<20).AppendBinary(nil)
	b.SetBytes(int64(len(enc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeSummary(enc); err != nil {
			b.Fatal(err)
		}
	}
}
