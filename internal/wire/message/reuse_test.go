package message

import (
	"bufio"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawPart writes the rest of a header and a body, with parts in parts.
func drawPart(t *rapid.T, b *strings.Builder, depth int) {
	mark := rapid.IntRange(0, 1e6).Draw(t, "mark")
	kind := rapid.IntRange(0, 3).Draw(t, "kind")
	switch {
	case kind == 0 && depth < 4:
		fmt.Fprintf(b, "Content-Type: multipart/mixed; boundary=b%d-%d\r\n\r\nbefore\r\n", depth, mark)
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			fmt.Fprintf(b, "--b%d-%d\r\n", depth, mark)
			drawPart(t, b, depth+1)
		}
		fmt.Fprintf(b, "--b%d-%d--\r\n", depth, mark)
	case kind == 1 && depth < 4:
		fmt.Fprintf(b, "Content-Type: message/rfc822\r\nContent-ID: <%d@c>\r\n\r\nSubject: in%d\r\nFrom: z%d@y.test\r\n", mark, mark, mark)
		drawPart(t, b, depth+1)
	default:
		fmt.Fprintf(b, "Content-Type: text/plain; name=f%d\r\nContent-Description: d%d\r\n\r\nbody %d ümlaut\r\n", mark, mark, mark)
	}
}

// A Scanner is used for one message after the other; a Summary must keep nothing of its memory.
func TestSummariesOutliveTheirScanner(t *testing.T) {
	var s Scanner
	type found struct{ reused, fresh *Summary }
	var all []found
	same := func(f found) bool {
		a, errA := f.reused.AppendBinary(nil)
		b, errB := f.fresh.AppendBinary(nil)
		return errA == nil && errB == nil && string(a) == string(b)
	}
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		mark := rapid.IntRange(0, 1e6).Draw(t, "mark")
		fmt.Fprintf(&b, "From: a%d@x.test\r\nSubject: =?utf-8?q?s%d?=\r\nMessage-ID: <%d@x.test>\r\nReferences: <r%d@x.test>\r\n", mark, mark, mark, mark)
		drawPart(t, &b, 0)
		s.Reset()
		for rest := b.String(); rest != ""; {
			n := min(rapid.IntRange(1, 200).Draw(t, "piece"), len(rest))
			_, _ = s.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		var fresh Scanner
		_, _ = fresh.Write([]byte(b.String()))
		all = append(all, found{s.Close(), fresh.Close()})
		if !same(all[len(all)-1]) {
			t.Fatalf("another summary than a fresh scanner's: %+v", all[len(all)-1])
		}
	})
	for i, f := range all {
		if !same(f) {
			t.Fatalf("message %d of %d has changed since: %+v", i, len(all), f.reused)
		}
	}
}

// A HeaderReader is used for one header after the other, each of which is what a fresh one gives.
func TestHeadersOneAfterTheOther(t *testing.T) {
	var hr HeaderReader
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(0, 2*keepFields).Draw(t, "fields") {
			fmt.Fprintf(&b, "X-%d: a\r\n\tfold\r\n", b.Len())
		}
		b.WriteString(rapid.SampledFrom([]string{"\r\nbody", "no field\r\n", ""}).Draw(t, "end"))
		reused, errA := hr.Read(bufio.NewReader(strings.NewReader(b.String())))
		fresh, errB := ReadHeader(bufio.NewReader(strings.NewReader(b.String())))
		if errA != nil || errB != nil || len(reused) != len(fresh) || string(reused.AppendTo(nil)) != string(fresh.AppendTo(nil)) {
			t.Fatalf("%d fields and %v, of a fresh reader %d and %v", len(reused), errA, len(fresh), errB)
		}
	})
}
