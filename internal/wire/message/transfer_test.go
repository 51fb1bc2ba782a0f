package message

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// TestDecodeInPieces decodes random text that comes at once, and the same byte by byte and into small buffers, which takes other ways.
func TestDecodeInPieces(t *testing.T) {
	const words = "QUFB QUF= QQ== \r\n = =\r\n =41 =4 =zz a+/9 ä \t\r\n AAAABBBBCCCCDDDD - \n"
	r := rand.New(rand.NewPCG(1, 2))
	list := append(strings.Split(words, " "), " ", "  \r\n")
	for range 2000 {
		var b strings.Builder
		for range r.IntN(40) {
			b.WriteString(list[r.IntN(len(list))])
		}
		for _, enc := range []string{"base64", "quoted-printable"} {
			want, err := io.ReadAll(Decode(iotest.OneByteReader(strings.NewReader(b.String())), enc))
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range []int{1, 2, 3, 5, 7, 64, 1000} {
				var got []byte
				buf := make([]byte, size)
				for in, err := Decode(strings.NewReader(b.String()), enc), error(nil); err == nil; {
					var n int
					n, err = in.Read(buf)
					got = append(got, buf[:n]...)
				}
				if string(got) != string(want) {
					t.Fatalf("%s of %q by %d: %q, want %q", enc, b.String(), size, got, want)
				}
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for enc, line := range map[string]string{
		"base64":           strings.Repeat("QUFB", 19) + "\r\n",
		"quoted-printable": "The quick brown fox jumps over the lazy dog, and f=C3=BCr nothing again and =\r\n",
	} {
		text := strings.Repeat(line, 20_000)
		b.Run(enc, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.Copy(io.Discard, Decode(strings.NewReader(text), enc)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
