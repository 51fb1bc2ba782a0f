package message

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
)

// Decode reads a body through its Content-Transfer-Encoding. It is tolerant: foreign bytes in base64 are skipped, a
// missing padding is no error, a wrong quoted-printable escape stays as it is. Unknown encodings pass through.
func Decode(r io.Reader, transferEncoding string) io.Reader {
	switch strings.ToLower(strings.TrimSpace(transferEncoding)) {
	case "base64":
		return &base64Reader{r: bufio.NewReaderSize(r, 16<<10)}
	case "quoted-printable":
		return &qpReader{r: quotedprintable.NewReader(r)}
	}
	return r
}

// Content reads a part's body decoded; text parts come as UTF-8. body gives the part's bytes, from BodyStart to End.
func (p *Part) Content(body io.Reader) io.Reader {
	r := Decode(body, p.Encoding)
	if p.Type == "text" {
		return ToUTF8(r, p.Charset())
	}
	return r
}

// base64Reader decodes while skipping what is not of the alphabet. Padding ends a quantum and may be followed by more.
type base64Reader struct {
	r     *bufio.Reader
	quad  uint32
	have  int // characters in quad
	out   [3]byte
	avail []byte // decoded bytes not yet handed out
	err   error
}

var base64Value = func() (t [256]int8) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = -1
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = int8(i)
	}
	return t
}()

// Read implements io.Reader.
func (b *base64Reader) Read(p []byte) (int, error) {
	n := copy(p, b.avail)
	b.avail = b.avail[n:]
	for n < len(p) && b.err == nil {
		c, err := b.r.ReadByte()
		if err != nil {
			b.err = err
			if err == io.EOF {
				n += b.flush(p[n:])
			}
			break
		}
		if c == '=' {
			n += b.flush(p[n:])
			continue
		}
		v := base64Value[c]
		if v < 0 {
			continue
		}
		b.quad = b.quad<<6 | uint32(v)
		if b.have++; b.have < 4 {
			continue
		}
		b.out = [3]byte{byte(b.quad >> 16), byte(b.quad >> 8), byte(b.quad)}
		b.have = 0
		n += b.hand(p[n:], 3)
	}
	if n == 0 && len(b.avail) == 0 && b.err != nil && len(p) > 0 {
		return 0, b.err
	}
	return n, nil
}

// flush ends an incomplete quantum.
func (b *base64Reader) flush(p []byte) int {
	have := b.have
	b.have = 0
	switch have {
	case 2:
		b.out[0] = byte(b.quad >> 4)
		return b.hand(p, 1)
	case 3:
		b.out[0], b.out[1] = byte(b.quad>>10), byte(b.quad>>2)
		return b.hand(p, 2)
	}
	return 0
}

func (b *base64Reader) hand(p []byte, n int) int {
	c := copy(p, b.out[:n])
	b.avail = b.out[c:n]
	return c
}

// decodeBase64Text decodes an encoded-word's base64; what cannot be read is dropped. The result is not nil.
func decodeBase64Text(s string) []byte {
	if out, err := base64.StdEncoding.DecodeString(s); err == nil && out != nil {
		return out
	}
	out, _ := io.ReadAll(Decode(strings.NewReader(s), "base64")) // a strings.Reader does not fail
	if out == nil {
		out = []byte{}
	}
	return out
}

// qpReader turns the strictness of the standard reader into the end of the text: what stands after a byte it refuses
// is rare enough not to be worth a reader of our own.
type qpReader struct{ r io.Reader }

// Read implements io.Reader.
func (q *qpReader) Read(p []byte) (int, error) {
	n, err := q.r.Read(p)
	if err != nil && err != io.EOF && strings.HasPrefix(err.Error(), "quotedprintable:") {
		err = errors.Join(ErrEncoding, err)
	}
	return n, err
}

// ErrEncoding means a body is not what its Content-Transfer-Encoding says.
var ErrEncoding = errors.New("message: body does not match its transfer encoding")
