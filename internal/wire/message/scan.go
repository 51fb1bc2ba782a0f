package message

import (
	"bytes"
	"reflect"
	"slices"
)

var carriageReturn = []byte{'\r'}

// maxLine is the longest line in RFC 5322 section 2.1.1, without its CRLF.
const maxLine = 998

// maxDelimiter bounds a line that may be a delimiter: the boundary, dashes, and white space some gateways add.
const maxDelimiter = MaxBoundary + 256

// Scanner makes a Summary of a message that is written to it piece by piece, in one pass and with bounded memory. The
// zero Scanner is ready. It never fails; pieces may be cut anywhere.
//
// The message is read as a stack of frames, the entities that the current byte is part of. A header block is collected
// and parsed; of a body only line beginnings matter, and only while a multipart is open.
type Scanner struct {
	off    int64 // bytes read; bytes held in line are not
	stack  []frame
	open   int // frames on the stack whose boundary can still come
	root   Part
	env    Envelope
	traits Traits
	parts  int
	text   int // bytes of text in the summary so far

	inHeader bool
	header   []byte // the header block being read, up to its limit
	line     []byte // the beginning of a line, held back until it is known what it is
	longLine bool   // in a header: more of the line was seen than is held

	atLine    bool  // the next byte begins a line
	lineStart int64 // where the current line begins
	prevBreak int64 // length of the line break before lineStart
	lastCR    bool  // the byte before was CR
	lineFeeds int64

	preview previewer
}

// frame is an entity being read.
type frame struct {
	part     Part
	boundary []byte   // of a multipart whose closing delimiter has not come; nil for others
	lines0   int64    // lineFeeds when the body began
	message  bool     // the entity is a message: its header gives an envelope
	fallback string   // the type if the header has none, after RFC 2046 section 5.1.5
	before   [][]Part // of very many children, those before part.Children
}

// manyParts is how many children are held in one piece while more may come: a slice that grows is copied again and again, and what it was
// before is garbage, five times what there is in the end.
const manyParts = 64

// add takes a child that has ended.
func (f *frame) add(child Part) {
	c := f.part.Children
	if len(c) >= manyParts && len(c) == cap(c) {
		f.before = append(f.before, c)
		c = make([]Part, 0, manyParts)
	}
	f.part.Children = append(c, child)
}

// gather makes all children one slice.
func (f *frame) gather() {
	if f.before == nil {
		return
	}
	f.part.Children = slices.Concat(append(f.before, f.part.Children)...)
	f.before = nil
}

// Write takes the next piece of the message. It never fails and keeps nothing of p.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	if s.parts == 0 {
		if s.stack == nil {
			s.stack = make([]frame, 0, 4)
			s.header = make([]byte, 0, usualHeader)
		}
		s.push(frame{message: true})
	}
	for len(p) > 0 {
		var used int
		switch {
		case s.inHeader:
			used = s.readHeaderLine(p)
		case len(s.line) > 0 || s.atLine && s.open > 0 && p[0] == '-':
			used = s.readCandidate(p)
		default:
			used = s.readBody(p)
		}
		p = p[used:]
	}
	return n, nil
}

// Reset makes the scanner ready for another message, with the memory of the last.
func (s *Scanner) Reset() {
	clear(s.stack)
	stack, header, line := s.stack[:0], s.header[:0], s.line[:0]
	if cap(header) > keepHeader {
		header = make([]byte, 0, usualHeader)
	}
	if cap(line) > keepHeader {
		line = nil
	}
	*s = Scanner{stack: stack, header: header, line: line, preview: s.preview.reset()}
}

// The memory a header usually takes, and the most that is kept for the next message.
const (
	usualHeader = 2 << 10
	keepHeader  = 16 << 10
)

// Close ends the message and gives its Summary. Nothing may be written after it, but after Reset.
func (s *Scanner) Close() *Summary {
	if s.parts == 0 {
		_, _ = s.Write(nil) // an empty message is one, too
	}
	if len(s.line) > 0 {
		line := s.line
		s.line = nil
		if s.inHeader {
			s.takeHeaderLine(line, false)
		} else {
			s.takeCandidate(line)
		}
	}
	for s.inHeader {
		s.endHeader()
	}
	for len(s.stack) > 0 {
		s.pop(0)
	}
	if hasAttachment(&s.root) {
		s.traits |= HasAttachment
	}
	return &Summary{Size: s.off, Traits: s.traits, Envelope: s.env, Root: s.root, Preview: s.preview.text()}
}

// Envelope is the message's own; it is complete as soon as its header has been written.
func (s *Scanner) Envelope() *Envelope { return &s.env }

// Memory is about how many bytes of memory the Scanner takes for what it has found, beyond the header it holds.
func (s *Scanner) Memory() int { return 2*s.parts*int(reflect.TypeFor[Part]().Size()) + s.text }

// push begins an entity at the current offset, with its header.
func (s *Scanner) push(f frame) {
	f.part.HeaderStart = s.off
	s.stack = append(s.stack, f)
	s.parts++
	s.inHeader = true
	s.header = s.header[:0]
}

// pop ends the innermost entity and gives it to the one around it. The line break before here, of trim bytes, is the
// delimiter's (RFC 2046 section 5.1.1), unless it has another meaning already: it ends a header, or a part.
func (s *Scanner) pop(trim int64) {
	f := &s.stack[len(s.stack)-1]
	p := &f.part
	taken := p.BodyStart
	if n := len(p.Children); n > 0 {
		taken = max(taken, p.Children[n-1].End)
	}
	p.End, p.Lines = s.off, s.lineFeeds-f.lines0
	if trim > 0 && s.off-trim >= taken {
		p.End -= trim
		p.Lines--
	}
	if f.boundary != nil {
		s.open--
	}
	if p.IsMultipart() && len(p.Children) == 0 {
		// A multipart must have parts (RFC 2046 section 5.1): without any, its body is one, so that it can be read.
		p.Children = []Part{{Type: "text", Subtype: "plain", Encoding: "7bit",
			HeaderStart: p.BodyStart, BodyStart: p.BodyStart, End: p.End, Lines: p.Lines}}
	}
	f.gather()
	done := *p
	*f = frame{}
	s.stack = s.stack[:len(s.stack)-1]
	if len(s.stack) == 0 {
		s.root = done
		return
	}
	s.stack[len(s.stack)-1].add(done)
}

// readHeaderLine takes bytes up to the end of a line.
func (s *Scanner) readHeaderLine(p []byte) int {
	i := bytes.IndexByte(p, '\n')
	whole := i >= 0
	if !whole {
		i = len(p) - 1
	}
	part := p[:i+1]
	if whole && len(s.line) == 0 && !s.longLine {
		s.takeHeaderLine(part, true)
		return len(part)
	}
	if s.longLine || len(s.line)+len(part) > s.headerLimit() {
		// Too long to be held, and no delimiter: its beginning is kept, the rest only counted.
		held := s.line
		s.line = s.line[:0]
		s.longLine = !whole
		s.addHeader(held)
		s.addHeader(part)
		s.traits |= Clipped
		return len(part)
	}
	s.hold(part)
	if whole {
		line := s.line
		s.line = s.line[:0]
		s.takeHeaderLine(line, true)
	}
	return len(part)
}

// hold keeps bytes until their line is known; the line's memory is used again for the next.
func (s *Scanner) hold(p []byte) { s.line = append(s.line, p...) }

func (s *Scanner) headerLimit() int {
	if len(s.stack) == 1 {
		return MaxHeader
	}
	return MaxPartHeader
}

// takeHeaderLine takes a whole line of a header, or the last one of the message.
func (s *Scanner) takeHeaderLine(line []byte, ended bool) {
	if s.delimiter(line) {
		return
	}
	if ended && len(line) <= 2 && startsBlank(line) {
		s.countHeader(line)
		s.off += int64(len(line))
		s.endHeader()
		return
	}
	s.addHeader(line)
}

// addHeader takes bytes of a header; those beyond the limit are only counted.
func (s *Scanner) addHeader(b []byte) {
	s.countHeader(b)
	s.off += int64(len(b))
	room := s.headerLimit() - len(s.header)
	if len(b) > room {
		s.traits |= Clipped
	}
	s.header = append(s.header, b[:min(room, len(b))]...)
}

// countHeader notes what a header's bytes tell of the message.
func (s *Scanner) countHeader(b []byte) {
	if has8Bit(b) {
		if len(s.stack) == 1 {
			s.traits |= Header8Bit
		} else {
			s.traits |= PartHeader8Bit
		}
	}
	s.countBytes(b)
	if n := len(b); n > 0 {
		if b[n-1] == '\n' {
			s.lineFeeds++
			s.prevBreak = 1
			if n > 1 && b[n-2] == '\r' || n == 1 && s.lastCR {
				s.prevBreak = 2
			} else {
				s.traits |= BodyBinary
			}
			s.atLine = true
		}
		s.lastCR = b[n-1] == '\r'
		if n > maxLine+2 {
			s.traits |= LongLines
		}
	}
}

// countBytes looks for NUL and for CR without LF inside of b; a CR at its end is left to the next piece.
func (s *Scanner) countBytes(b []byte) {
	if s.traits.Has(BodyBinary) || len(b) == 0 {
		return
	}
	if s.lastCR && b[0] != '\n' || bytes.IndexByte(b, 0) >= 0 {
		s.traits |= BodyBinary
		return
	}
	for {
		i := bytes.IndexByte(b, '\r')
		if i < 0 || i+1 == len(b) {
			return
		}
		if b[i+1] != '\n' {
			s.traits |= BodyBinary
			return
		}
		b = b[i+2:]
	}
}

// readBody takes body bytes up to the end of p, or to the beginning of a line that may be a delimiter.
func (s *Scanner) readBody(p []byte) int {
	base := s.off
	i, pairs := 0, 0
	for i < len(p) {
		if s.atLine && s.open > 0 && p[i] == '-' {
			break
		}
		nl := bytes.IndexByte(p[i:], '\n')
		if nl < 0 {
			s.atLine = false
			i = len(p)
			break
		}
		end := i + nl
		s.prevBreak = 1
		switch {
		case end > 0 && p[end-1] == '\r':
			s.prevBreak = 2
			pairs++
		case end == 0 && s.lastCR:
			s.prevBreak = 2
		default:
			s.traits |= BodyBinary
		}
		if base+int64(end)+1-s.lineStart-s.prevBreak > maxLine {
			s.traits |= LongLines
		}
		s.lineFeeds++
		i = end + 1
		s.lineStart = base + int64(i)
		s.atLine = true
	}
	s.countBody(p[:i], pairs)
	s.off += int64(i)
	return i
}

// countBody notes what body bytes, with so many CR LF in them, tell of the message.
func (s *Scanner) countBody(b []byte, pairs int) {
	if len(b) == 0 {
		return
	}
	if !s.traits.Has(Body8Bit) && has8Bit(b) {
		s.traits |= Body8Bit
	}
	if !s.traits.Has(BodyBinary) {
		if b[len(b)-1] == '\r' {
			pairs++ // or not: the next piece tells
		}
		if s.lastCR && b[0] != '\n' || bytes.IndexByte(b, 0) >= 0 || bytes.Count(b, carriageReturn) != pairs {
			s.traits |= BodyBinary
		}
	}
	s.lastCR = b[len(b)-1] == '\r'
	s.preview.take(b)
}

// readCandidate takes a line that begins with '-' while a delimiter may come.
func (s *Scanner) readCandidate(p []byte) int {
	i := bytes.IndexByte(p, '\n')
	if i >= 0 && len(s.line) == 0 {
		s.takeCandidate(p[:i+1])
		return i + 1
	}
	end := i + 1
	if i < 0 {
		end = len(p)
	}
	end = min(end, maxDelimiter-len(s.line))
	s.hold(p[:end])
	if i+1 == end && i >= 0 || len(s.line) >= maxDelimiter || len(s.line) > 1 && s.line[1] != '-' {
		line := s.line
		s.line = s.line[:0]
		s.takeCandidate(line)
	}
	return end
}

func (s *Scanner) takeCandidate(line []byte) {
	if s.delimiter(line) {
		return
	}
	s.atLine = false // so that it is read as what it is, a line
	s.readBody(line)
}

// delimiter handles the line if it is the delimiter of an open multipart (RFC 2046 section 5.1.1): entities inside of
// that multipart end, and the next part begins. White space after the boundary is allowed, nothing else.
func (s *Scanner) delimiter(line []byte) bool {
	if s.open == 0 || len(line) < 3 || line[0] != '-' || line[1] != '-' || len(line) >= maxDelimiter {
		return false
	}
	at, closing := s.match(bytes.TrimRight(line[2:], " \t\r\n"))
	if at < 0 || !closing && s.full() {
		return false
	}
	for s.inHeader {
		s.endHeader() // a header that the delimiter cuts off; in a message/rfc822 part, the inner one as well
	}
	for len(s.stack) > at+1 {
		s.pop(s.prevBreak)
	}
	s.countHeader(line)
	s.off += int64(len(line))
	s.lineStart = s.off
	f := &s.stack[at]
	s.preview.stop()
	if closing {
		f.boundary = nil
		s.open--
		return true
	}
	next := frame{}
	if f.part.Subtype == "digest" {
		next.fallback = "message/rfc822"
	}
	s.push(next)
	return true
}

// match finds the innermost open multipart whose boundary the text is.
func (s *Scanner) match(text []byte) (at int, closing bool) {
	for k := len(s.stack) - 1; k >= 0; k-- {
		b := s.stack[k].boundary
		if b == nil || !bytes.HasPrefix(text, b) {
			continue
		}
		switch rest := text[len(b):]; {
		case len(rest) == 0:
			return k, false
		case len(rest) == 2 && rest[0] == '-' && rest[1] == '-':
			return k, true
		}
	}
	return -1, false
}

// full reports whether no more parts can be taken.
func (s *Scanner) full() bool {
	if s.parts < MaxParts && s.text < MaxSummary {
		return false
	}
	s.traits |= Clipped
	return true
}

// endHeader parses the header block read and begins the body.
func (s *Scanner) endHeader() {
	s.inHeader = false
	s.lineStart = s.off
	s.atLine = true
	h, err := ParseHeader(s.header)
	if err != nil {
		s.traits |= Clipped
	}
	f := &s.stack[len(s.stack)-1]
	p := &f.part
	p.BodyStart, f.lines0 = s.off, s.lineFeeds
	p.describe(h, f.fallback)
	s.text += p.textSize()
	if f.message {
		env := ParseEnvelope(h)
		s.text += env.textSize()
		if len(s.stack) == 1 {
			s.env = env
		} else {
			s.stack[len(s.stack)-2].part.Envelope = &env
		}
	}
	s.beginBody(f)
}

// beginBody decides how the body is read: as parts, as a message, or as bytes.
func (s *Scanner) beginBody(f *frame) {
	p := &f.part
	deep := len(s.stack) >= MaxDepth
	switch {
	case p.IsMultipart():
		b := bytes.TrimRight([]byte(p.Params.raw("boundary")), " \t")
		if deep || s.full() {
			s.traits |= Clipped
			p.Type, p.Subtype = "application", "octet-stream"
			return
		}
		if len(b) > 0 && len(b) <= MaxBoundary {
			f.boundary = b
			s.open++
		}
	case p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global"):
		if deep || s.full() || p.Encoding == "base64" || p.Encoding == "quoted-printable" {
			// Its structure cannot be told, and BODYSTRUCTURE has no way to name a message without it.
			p.Type, p.Subtype = "application", "octet-stream"
			return
		}
		s.push(frame{message: true})
	case p.Type == "text":
		s.preview.begin(p)
	}
}
