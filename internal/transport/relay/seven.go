package relay

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"

	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// Why a message cannot be made 7-bit.
var (
	errSigned = errors.New("the message is signed, and would not be any more")
	errOpaque = errors.New("the message has 8-bit octets where no encoding is allowed")
)

// sevenBit is a message as it is sent to a server that takes 7-bit content alone: bodies of parts are encoded (RFC 6152 section 3, RFC
// 3030 section 3), everything else is as it was. It is a plan, made in one reading of the message; the message itself stays where it is.
type sevenBit struct {
	body   io.ReaderAt
	pieces []piece
	size   int64
}

// piece is a range of the message and what becomes of it.
type piece struct {
	from, to int64
	how      treatment
	part     *message.Part // for headers: whose
	encoding string        // for headers: the one to name
}

type treatment uint8

const (
	verbatim  treatment = iota // octets over 127, which are meaningless here, become question marks
	reheader                   // a part's header, with another Content-Transfer-Encoding
	quoted                     // to quoted-printable
	base64ed                   // to base64
	lineBreak                  // not in the message: a CRLF
)

// loss is whether what cannot be encoded may be lost.
type loss bool

const (
	keepAll loss = false // then it cannot be converted
	mayLose loss = true  // octets become question marks: for notices, as nobody hears of a notice that does not arrive
)

// makeSevenBit plans the conversion. Errors beside those of reading are errSigned and errOpaque.
func makeSevenBit(body *io.SectionReader, l loss) (*sevenBit, error) {
	var sc message.Scanner
	if _, err := io.Copy(&sc, io.NewSectionReader(body, 0, body.Size())); err != nil {
		return nil, fmt.Errorf("read content: %w", err)
	}
	sum := sc.Close()
	p := planner{body: body, loss: l}
	if err := p.part(&sum.Root, false); err != nil {
		return nil, err
	}
	p.until(body.Size())
	if n := len(p.pieces); n > 0 && p.pieces[n-1].how == base64ed {
		p.pieces = append(p.pieces, piece{how: lineBreak})
	}
	s := &sevenBit{body: body, pieces: p.pieces}
	var n counter
	if err := s.writeTo(&n); err != nil {
		return nil, err
	}
	s.size = int64(n)
	return s, nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// planner makes the pieces, in the order of the message.
type planner struct {
	body   io.ReaderAt
	loss   loss
	at     int64
	pieces []piece
}

// until leaves what comes before an offset as it is.
func (p *planner) until(to int64) {
	if to > p.at {
		p.pieces = append(p.pieces, piece{from: p.at, to: to})
		p.at = to
	}
}

func (p *planner) add(to int64, pc piece) {
	pc.from, pc.to = p.at, to
	p.pieces = append(p.pieces, pc)
	p.at = to
}

// part plans a part and all in it.
func (p *planner) part(m *message.Part, signed bool) error {
	head, err := look(p.body, m.HeaderStart, m.BodyStart)
	if err != nil {
		return err
	}
	if head.high && p.loss == keepAll {
		return errOpaque
	}
	p.until(m.HeaderStart)
	if len(m.Children) == 0 {
		return p.leaf(m, signed)
	}
	if (m.Encoding == "8bit" || m.Encoding == "binary") && !signed && p.regular(m) {
		p.add(m.BodyStart, piece{how: reheader, part: m, encoding: "7bit"})
	}
	signed = signed || m.IsMultipart() && m.Subtype == "signed"
	for i := range m.Children {
		if err := p.part(&m.Children[i], signed); err != nil {
			return err
		}
	}
	p.until(m.End)
	return nil
}

func (p *planner) leaf(m *message.Part, signed bool) error {
	has, err := look(p.body, m.BodyStart, m.End)
	switch {
	case err != nil:
		return err
	case !has.high && !has.binary:
		p.until(m.End)
		return nil
	case signed && p.loss == keepAll:
		return errSigned
	case m.HeaderStart > 0 && m.HeaderStart == m.BodyStart, // no part, but what a multipart without one has instead
		!p.regular(m), m.IsMultipart(), m.Type == "message" && m.Subtype != "global", m.Encoding == "base64", m.Encoding == "quoted-printable":
		if p.loss == keepAll {
			return errOpaque
		}
		p.until(m.End)
		return nil
	}
	how, name := base64ed, "base64"
	if m.Type == "text" && !has.binary {
		how, name = quoted, "quoted-printable"
	}
	p.add(m.BodyStart, piece{how: reheader, part: m, encoding: name})
	p.add(m.End, piece{how: how})
	return nil
}

// regular is whether a part's header has nothing but fields. Otherwise it is not written anew: what comes after a line that is no field
// would be lost.
func (p *planner) regular(m *message.Part) bool {
	r := bufio.NewReader(io.NewSectionReader(p.body, m.HeaderStart, m.BodyStart-m.HeaderStart))
	if _, err := message.ReadHeader(r); err != nil {
		return false
	}
	_, err := r.Peek(1)
	return err == io.EOF
}

// octets is what a range of bytes has.
type octets struct {
	high   bool // some over 127
	binary bool // NUL, or CR or LF alone
}

func look(body io.ReaderAt, from, to int64) (octets, error) {
	var out octets
	buf := make([]byte, copySize)
	r := io.NewSectionReader(body, from, to-from)
	last := byte(0)
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			out.high = out.high || c >= 0x80
			out.binary = out.binary || c == 0 || (c == '\n') != (last == '\r')
			last = c
		}
		if err == io.EOF {
			out.binary = out.binary || last == '\r'
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("read content: %w", err)
		}
	}
}

// writeTo writes the message as it is to be sent.
func (s *sevenBit) writeTo(w io.Writer) error {
	for _, p := range s.pieces {
		if err := s.write(w, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *sevenBit) write(w io.Writer, p piece) error {
	r := io.NewSectionReader(s.body, p.from, p.to-p.from)
	var enc io.WriteCloser
	switch p.how {
	case lineBreak:
		_, err := io.WriteString(w, "\r\n")
		return err
	case reheader:
		return writeHeader(w, r, p)
	case quoted:
		enc = quotedprintable.NewWriter(w)
	case base64ed:
		enc = base64.NewEncoder(base64.StdEncoding, &wrapper{w: w})
	default:
		enc = ascii{w}
	}
	if _, err := io.Copy(struct{ io.Writer }{enc}, r); err != nil {
		return err
	}
	return enc.Close()
}

// writeHeader writes a part's header with another encoding, and what must be there if nothing was said before (RFC 1428).
func writeHeader(w io.Writer, r io.Reader, p piece) error {
	h, err := message.ReadHeader(bufio.NewReader(r))
	if err != nil {
		return err
	}
	out := h.Without("Content-Transfer-Encoding")
	if p.part.HeaderStart == 0 && !has(h, "MIME-Version") {
		out = append(out, message.MakeField("MIME-Version", "1.0"))
	}
	if p.how == reheader && p.encoding != "7bit" && !has(h, "Content-Type") {
		out = append(out, message.MakeField("Content-Type", "text/plain; charset=unknown-8bit"))
	}
	out = append(out, message.MakeField("Content-Transfer-Encoding", p.encoding))
	_, err = ascii{w}.Write(out.AppendTo(nil))
	return err
}

func has(h message.Header, name string) bool { return h.Count(name) > 0 }

// ascii writes question marks for octets over 127.
type ascii struct{ w io.Writer }

// Write implements io.Writer.
func (a ascii) Write(p []byte) (int, error) {
	if high(p) {
		p = bytes.Clone(p)
		for i, c := range p {
			if c >= 0x80 {
				p[i] = '?'
			}
		}
	}
	return a.w.Write(p)
}

// Close implements io.Closer.
func (a ascii) Close() error { return nil }

// wrapper breaks lines after 76 octets.
type wrapper struct {
	w   io.Writer
	col int
}

// Write implements io.Writer.
func (w *wrapper) Write(p []byte) (int, error) {
	const width = 76
	total := len(p)
	for len(p) > 0 {
		if w.col == width {
			if _, err := io.WriteString(w.w, "\r\n"); err != nil {
				return total - len(p), err
			}
			w.col = 0
		}
		n := min(len(p), width-w.col)
		if _, err := w.w.Write(p[:n]); err != nil {
			return total - len(p), err
		}
		w.col += n
		p = p[n:]
	}
	return total, nil
}
