package line

import (
	"bytes"
	"errors"
	"io"
)

var (
	crlf      = []byte("\r\n")
	lf        = []byte("\n")
	finalLine = []byte(".\r\n")
)

// DotReader is the content of a DATA command or a POP3 multi-line response: lines, with a dot put before each that
// starts with one, up to a line of a single dot (RFC 5321 section 4.5.2). Reading takes the dots away again; the final
// line is io.EOF and not part of the content.
//
// A bare CR or LF makes Read fail with ErrBareCR or ErrBareLF; Skip still finds the end, which is CRLF.CRLF and nothing
// else.
type DotReader struct {
	c       *Conn
	plain   int  // so many bytes at the front of the buffer are checked, and content as they are
	inLine  bool // what follows the plain bytes is not the start of a line
	wantLF  bool // what follows the plain bytes is a CR whose LF has not come yet
	ended   bool // the final line has been read
	err     error
	content int64
}

// Dots starts reading dot-stuffed content. It must be read to its end, or Skip called, before the next line is read.
func (c *Conn) Dots() *DotReader {
	c.startContent()
	return &DotReader{c: c}
}

// Size is how many bytes of content have been returned.
func (d *DotReader) Size() int64 { return d.content }

// Read implements io.Reader.
func (d *DotReader) Read(p []byte) (int, error) {
	if len(p) == 0 && d.err == nil {
		return 0, nil
	}
	for d.plain == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.advance()
	}
	n := copy(p, d.c.buf[d.c.r:d.c.r+d.plain])
	d.c.r += n
	d.plain -= n
	d.content += int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo, so that io.Copy needs no buffer of its own.
func (d *DotReader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		for d.plain == 0 {
			if errors.Is(d.err, io.EOF) {
				return total, nil
			}
			if d.err != nil {
				return total, d.err
			}
			d.advance()
		}
		n, err := w.Write(d.c.buf[d.c.r : d.c.r+d.plain])
		d.c.r += n
		d.plain -= n
		d.content += int64(n)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// advance looks at what follows the plain bytes, of which none are left: it finds more of them, or takes a dot away, or
// reads more input, or sets d.err.
func (d *DotReader) advance() {
	b := d.c.buf[d.c.r:d.c.w]
	if len(b) == 0 || d.wantLF && len(b) == 1 {
		d.fill()
		return
	}
	if d.inLine || b[0] != '.' {
		d.scan(b)
		return
	}
	switch {
	case bytes.HasPrefix(b, finalLine):
		d.c.r += len(finalLine)
		d.ended, d.err = true, io.EOF
	case len(b) < len(finalLine) && bytes.HasPrefix(finalLine, b):
		d.fill()
	default:
		d.c.r++
		d.inLine = true
		// An LF or the lone CR of a wrong end right after the dot is found by scan as in any line.
	}
}

func (d *DotReader) fill() {
	if err := d.c.fillContent(); err != nil {
		d.err = err
	}
}

// scan checks b, whose first byte is content, as far as it goes without a dot to take away. It costs one vectorised
// search a line, and one over all.
func (d *DotReader) scan(b []byte) {
	n, lines := 0, 0
	inLine, wantLF := false, false
	for n == 0 || n < len(b) && b[n] != '.' {
		i := bytes.IndexByte(b[n:], '\r')
		if i < 0 {
			n, inLine = len(b), true
			break
		}
		cr := n + i
		if cr+1 == len(b) {
			inLine, wantLF = i > 0 || n == 0 && d.inLine, true
			n = cr
			break
		}
		if b[cr+1] != '\n' {
			d.err = ErrBareCR
			return
		}
		n = cr + 2
		lines++
	}
	if bytes.Count(b[:n], lf) != lines {
		d.err = ErrBareLF
		return
	}
	d.plain, d.inLine, d.wantLF = n, inLine, wantLF
}

// Skip throws the rest of the content away, wrong line ends included, and reads to CRLF.CRLF, but not more than about
// limit bytes: then it fails with ErrEndless.
func (d *DotReader) Skip(limit int64) error {
	if d.ended {
		return nil
	}
	if d.err != nil && !IsBareNewline(d.err) {
		return d.err
	}
	c := d.c
	c.r += d.plain // the plain bytes never end between a CR and its LF
	d.plain, d.err = 0, io.EOF
	for !d.inLine {
		b := c.buf[c.r:c.w]
		if bytes.HasPrefix(b, finalLine) {
			c.r += len(finalLine)
			d.ended = true
			return nil
		}
		if !bytes.HasPrefix(finalLine, b) {
			break
		}
		if err := c.fillContent(); err != nil {
			d.err = err
			return err
		}
	}
	return d.skipTo([]byte("\r\n.\r\n"), limit)
}

func (d *DotReader) skipTo(end []byte, limit int64) error {
	c := d.c
	for skipped := int64(0); skipped <= limit; {
		b := c.buf[c.r:c.w]
		if i := bytes.Index(b, end); i >= 0 {
			c.r += i + len(end)
			d.ended = true
			return nil
		}
		keep := min(len(b), len(end)-1)
		skipped += int64(len(b) - keep)
		c.r = c.w - keep
		if err := c.fillContent(); err != nil {
			d.err = err
			return err
		}
	}
	d.err = ErrEndless
	return ErrEndless
}
