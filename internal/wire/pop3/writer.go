package pop3

import (
	"bytes"
	"io"
)

// Writer sends a message as a multi-line response: lines with CRLF, a dot put before each that starts with one, and a line of a single
// dot in the end. It writes runs of what it is given, so w should have a buffer.
type Writer struct {
	w     io.Writer
	err   error
	start bool // at the start of a line
	cr    bool // the last byte was a CR, not written yet

	limited bool // only so many lines of the body are wanted
	body    bool // in the body
	lines   int  // of the body, still wanted
}

// NewWriter starts a message (RETR).
func NewWriter(w io.Writer) *Writer { return &Writer{w: w, start: true} }

// NewTopWriter starts a message's header, the empty line after it, and so many lines of its body (TOP).
func NewTopWriter(w io.Writer, lines int) *Writer {
	return &Writer{w: w, start: true, limited: true, lines: lines}
}

// Full reports whether no more content is wanted: what is written from now on is thrown away.
func (d *Writer) Full() bool { return d.limited && d.body && d.lines == 0 }

var (
	crlf = []byte("\r\n")
	dot  = []byte(".")
)

// Write implements io.Writer. After the lines wanted it takes everything and writes nothing.
func (d *Writer) Write(p []byte) (int, error) {
	n := len(p)
	if d.cr && len(p) > 0 {
		d.cr = false
		if p[0] == '\n' {
			p = p[1:]
		}
		d.newline()
	}
	for len(p) > 0 && d.err == nil && !d.Full() {
		if !d.limited || d.body {
			p = d.whole(p)
			continue
		}
		p = d.line(p)
	}
	return n, d.err
}

// whole writes as many lines in one piece as are there as they should be: complete, with CRLF, without a dot in front.
func (d *Writer) whole(p []byte) []byte {
	end := 0
	if d.start {
		for end < len(p) && p[end] != '.' && !d.Full() {
			i := bytes.IndexByte(p[end:], '\n')
			if i < 1 || bytes.IndexByte(p[end:end+i], '\r') != i-1 {
				break
			}
			end += i + 1
			if d.limited {
				d.lines--
			}
		}
		d.write(p[:end])
	}
	if end == len(p) || d.Full() {
		return p[end:]
	}
	return d.line(p[end:])
}

// line writes one line, or the piece of it that is there.
func (d *Writer) line(p []byte) []byte {
	if d.start && p[0] == '.' {
		d.write(dot)
	}
	i := bytes.IndexAny(p, "\r\n")
	if i < 0 {
		d.write(p)
		d.start = false
		return nil
	}
	d.write(p[:i])
	d.start = d.start && i == 0
	switch {
	case p[i] == '\r' && i+1 == len(p):
		d.cr = true
		return nil
	case p[i] == '\r' && p[i+1] == '\n':
		i++
	}
	d.newline()
	return p[i+1:]
}

func (d *Writer) newline() {
	d.write(crlf)
	switch {
	case !d.limited:
	case d.body:
		d.lines--
	case d.start:
		d.body = true
	}
	d.start = true
}

func (d *Writer) write(p []byte) {
	if d.err == nil && len(p) > 0 {
		_, d.err = d.w.Write(p)
	}
}

// Close ends the response. It does not flush w.
func (d *Writer) Close() error {
	if d.cr || !d.start {
		d.write(crlf)
	}
	d.write([]byte(EndOfList))
	return d.err
}
