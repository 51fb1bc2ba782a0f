package pebblestore

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
)

// blocks are things to pack that make every kind of element: long and short literals, near and far copies, repeats of an offset, and what
// overlaps itself.
func blocks() map[string][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	mixed := bytes.Clone(noise[:90_000])
	for i := range 2000 { // the same at another place, with a byte changed now and then
		at := rnd.IntN(80_000)
		mixed = append(mixed, mixed[at:at+rnd.IntN(300)]...)
		mixed[len(mixed)-1] ^= byte(i)
	}
	var words strings.Builder
	for words.Len() < 50_000 {
		words.WriteString([]string{"post ", "horn ", "letter ", "carrier\r\n", "road ", "night "}[rnd.IntN(6)])
	}
	return map[string][]byte{
		"nothing": {}, "one": {7}, "text": []byte(words.String()), "noise": noise[:70_000], "mixed": mixed,
		"same": bytes.Repeat([]byte{'x'}, 200_000), "pattern": bytes.Repeat([]byte("abcdefg"), 30_000),
		"far": append(append(bytes.Clone(noise[:100_000]), bytes.Repeat([]byte{0}, 100_000)...), noise[:100_000]...),
	}
}

// TestUnpackHead holds it to the package that packs, for every encoder that there is.
func TestUnpackHead(t *testing.T) {
	for name, want := range blocks() {
		for i, packed := range [][]byte{s2.Encode(nil, want), s2.EncodeBetter(nil, want), s2.EncodeBest(nil, want), s2.EncodeSnappy(nil, want)} {
			for _, n := range []int{0, 1, 2, 59, 60, 61, 300, 4096, len(want) / 2, len(want) - 1, len(want), len(want) + 1} {
				if n < 0 {
					continue
				}
				got, err := unpackHead(make([]byte, 0, 64), packed, n)
				if err != nil || len(got) < min(n, len(want)) || !bytes.HasPrefix(want, got) {
					t.Fatalf("%s, encoder %d: %d bytes: got %d, %v", name, i, n, len(got), err)
				}
			}
		}
	}
}

// FuzzUnpackHead reads anything: what the package unpacks has the same head, and nothing reads beyond its ends.
func FuzzUnpackHead(f *testing.F) {
	for _, b := range blocks() {
		f.Add(s2.EncodeBetter(nil, b[:min(len(b), 3000)]), uint16(100))
	}
	f.Add([]byte{200, 1, 0xfc, 1, 2}, uint16(7))
	f.Add([]byte{20, 0, 'x', 0x15, 0, 9}, uint16(7))
	f.Fuzz(func(t *testing.T, packed []byte, n uint16) {
		if size, err := s2.DecodedLen(packed); err == nil && size > 1<<20 {
			return // the package makes room for it at once
		}
		want, wrong := s2.Decode(nil, packed)
		got, err := unpackHead(nil, packed, int(n))
		if wrong != nil {
			return // the damage may be behind the head
		}
		if err != nil || len(got) < min(int(n), len(want)) || !bytes.HasPrefix(want, got) {
			t.Errorf("%x, %d bytes: got %x, %v, want %x", packed, n, got, err, want)
		}
	})
}

// BenchmarkUnpackHead compares the header of a letter with all of it.
func BenchmarkUnpackHead(b *testing.B) {
	text := blocks()["text"]
	for _, size := range []int{4 << 10, 48 << 10} {
		packed := s2.Encode(nil, text[:size])
		for _, n := range []int{400, size} {
			b.Run(fmt.Sprintf("%d of %d", n, size), func(b *testing.B) {
				b.ReportAllocs()
				var dst []byte
				for b.Loop() {
					var err error
					if dst, err = unpackHead(dst, packed, n); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
