package message

import (
	"bufio"
	"encoding/base64"
	"io"
	"strings"
)

// Decode reads a body through its Content-Transfer-Encoding. It is tolerant: foreign bytes in base64 are skipped, a
// missing padding is no error, a wrong quoted-printable escape stays as it is. Unknown encodings pass through.
func Decode(r io.Reader, transferEncoding string) io.Reader {
	switch strings.ToLower(strings.TrimSpace(transferEncoding)) {
	case "base64":
		return &base64Reader{r: bufio.NewReaderSize(r, 16<<10)}
	case "quoted-printable":
		return &qpReader{r: bufio.NewReaderSize(r, 16<<10)}
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

// base64Reader decodes while skipping what is not of the alphabet, up to the padding.
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
		if b.have == 0 {
			if n += b.quads(p[n:]); n == len(p) {
				break
			}
		}
		c, err := b.r.ReadByte()
		if err != nil {
			b.err = err
			if err == io.EOF {
				n += b.flush(p[n:])
			}
			break
		}
		if c == '=' && b.have >= 2 {
			n += b.flush(p[n:])
			b.err = io.EOF // what follows the padding is no base64, as the footers that mailing lists add
			break
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

// quads decodes the whole quanta that are next in what has been read, up to anything that is not of the alphabet: all but the ends of lines.
func (b *base64Reader) quads(p []byte) (n int) {
	buf, _ := b.r.Peek(b.r.Buffered())
	in := 0
	for len(buf)-in >= 4 && len(p)-n >= 3 {
		q := buf[in : in+4 : in+4]
		v0, v1, v2, v3 := base64Value[q[0]], base64Value[q[1]], base64Value[q[2]], base64Value[q[3]]
		if v0|v1|v2|v3 < 0 {
			break
		}
		out := p[n : n+3 : n+3]
		out[0], out[1], out[2] = byte(v0)<<2|byte(v1)>>4, byte(v1)<<4|byte(v2)>>2, byte(v2)<<6|byte(v3)
		in, n = in+4, n+3
	}
	_, _ = b.r.Discard(in) // it is buffered
	return n
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
	b := base64Reader{r: bufio.NewReaderSize(strings.NewReader(s), 16)}
	out := make([]byte, len(s))
	n := 0
	for n < len(out) {
		k, err := b.Read(out[n:])
		n += k
		if err != nil { // the end: a strings.Reader does not fail
			break
		}
	}
	return out[:n]
}

// qpReader decodes quoted-printable (RFC 2045 section 6.7).
type qpReader struct {
	r     *bufio.Reader
	space []byte // white space that goes if the line ends after it
	avail []byte // decoded bytes not yet handed out
}

// maxTrailing bounds the white space held back; more of it is content.
const maxTrailing = 1 << 10

// Read implements io.Reader.
func (q *qpReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(q.avail) > 0 {
			c := copy(p[n:], q.avail)
			q.avail = q.avail[c:]
			n += c
			continue
		}
		q.space = q.space[:0] // all of it has been handed out
		if k := q.plain(p[n:]); k > 0 {
			n += k
			continue
		}
		if err := q.next(); err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
	}
	return n, nil
}

// special tells what means something in quoted-printable.
var special = [256]bool{'=': true, ' ': true, '\t': true, '\r': true, '\n': true}

// plain copies what is next in what has been read, as far as it means itself: white space does between two others.
func (q *qpReader) plain(p []byte) (n int) {
	buf, _ := q.r.Peek(min(q.r.Buffered(), len(p)))
	for n < len(buf) {
		if c := buf[n]; special[c] && (c != ' ' && c != '\t' || n+1 == len(buf) || special[buf[n+1]]) {
			break
		}
		n++
	}
	copy(p, buf[:n])
	_, _ = q.r.Discard(n) // it is buffered
	return n
}

// next decodes up to the next byte that is no white space. A reader that ends, ends again when it is asked again.
func (q *qpReader) next() error {
	for {
		c, err := q.r.ReadByte()
		if err != nil {
			if len(q.space) == 0 {
				return err
			}
			q.space = q.space[:0]
			return err
		}
		switch {
		case (c == ' ' || c == '\t') && len(q.space) < maxTrailing:
			q.space = append(q.space, c)
			continue
		case c == '\n', c == '\r' && q.follows("\n"):
			q.space = append(q.space[:0], c)
		case c == '=':
			if q.softBreak() {
				if len(q.space) == 0 {
					continue
				}
				break
			}
			q.space = append(q.space, q.escape())
		default:
			q.space = append(q.space, c)
		}
		q.avail = q.space
		return nil
	}
}

func (q *qpReader) follows(s string) bool {
	b, _ := q.r.Peek(len(s))
	return string(b) == s
}

// softBreak skips the rest of a line that "=" ends, with white space some gateways add.
func (q *qpReader) softBreak() bool {
	for n := 1; n <= 64; n++ {
		b, _ := q.r.Peek(n)
		if len(b) < n {
			if strings.Trim(string(b), " \t\r") != "" {
				return false
			}
			_, _ = q.r.Discard(len(b)) // the end of the text
			return true
		}
		switch b[n-1] {
		case '\n':
			_, _ = q.r.Discard(n)
			return true
		case ' ', '\t', '\r':
		default:
			return false
		}
	}
	return false
}

// escape reads the two digits after "="; without them the "=" means itself.
func (q *qpReader) escape() byte {
	b, _ := q.r.Peek(2)
	if len(b) < 2 || hexValue(b[0]) < 0 || hexValue(b[1]) < 0 {
		return '='
	}
	out := byte(hexValue(b[0])<<4 | hexValue(b[1]))
	_, _ = q.r.Discard(2)
	return out
}
