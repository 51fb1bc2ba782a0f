package message

import "time"

// Traits are facts about a whole message's bytes.
type Traits uint16

// The traits.
const (
	// Header8Bit: the message's own header block has bytes over 127, so it needs SMTPUTF8 to travel (RFC 6532).
	Header8Bit Traits = 1 << iota
	// PartHeader8Bit: the same of a MIME part's header.
	PartHeader8Bit
	// Body8Bit: a body has bytes over 127 (8BITMIME, RFC 6152).
	Body8Bit
	// BodyBinary: the message has NUL, or CR or LF alone, and can only travel by BDAT (BINARYMIME, RFC 3030).
	BodyBinary
	// LongLines: a line is longer than 998 bytes without its CRLF (RFC 5322 section 2.1.1).
	LongLines
	// HasAttachment: a part is meant to be saved, not read in place (RFC 8621 section 4.1.4).
	HasAttachment
	// Clipped: a limit was met, and something after it is opaque.
	Clipped
)

// Has reports whether all traits of t2 are in t.
func (t Traits) Has(t2 Traits) bool { return t&t2 == t2 }

// Summary is what is kept beside a stored message so that its body need not be opened to list, thread or describe it.
type Summary struct {
	Size     int64 // bytes of the whole message as stored
	Traits   Traits
	Envelope Envelope
	Root     Part
	// Preview is the beginning of the text as UTF-8 on one line, at most MaxPreview characters.
	Preview string
}

// Envelope is what IMAP's ENVELOPE (RFC 9051 section 7.5.2) and threading want of a header. It has nothing to do with
// the SMTP envelope.
type Envelope struct {
	// RawDate is the Date field's value as written, unfolded; Date is it read, in its own zone; zero if it could not be.
	RawDate string
	Date    time.Time
	// Subject is the field's value, unfolded and with RFC 2047 words as they are; DecodeText makes it readable.
	Subject                            string
	From, Sender, ReplyTo, To, Cc, Bcc []Address
	// InReplyTo and References are message ids with their angle brackets, in the order written.
	InReplyTo, References []string
	// RawInReplyTo is the In-Reply-To field as written, unfolded.
	RawInReplyTo string
	// MessageID is the id with its angle brackets; empty if there is none.
	MessageID string
}

// Mark says what an Address entry is: an address, or the beginning or end of a group (RFC 5322 section 3.4).
type Mark uint8

// The marks.
const (
	MarkNone       Mark = iota
	MarkGroupStart      // Name is the group's name
	MarkGroupEnd
)

// Address is an entry of an address list. Groups are flat: a start, the members, an end, as IMAP's ENVELOPE writes them.
type Address struct {
	// Name is the display name: quotes and comments removed, RFC 2047 words as they are (ENVELOPE wants them so).
	// DisplayName is it decoded.
	Name string
	// Local is the local part without quotes, Domain the domain as written. One of them may be empty for an address that
	// is not one.
	Local, Domain string
	Mark          Mark
}

// Param is a parameter of Content-Type or Content-Disposition, as written but unquoted. RFC 2231 pieces stay apart, as
// BODYSTRUCTURE wants them; Params.Get puts them together.
type Param struct{ Name, Value string }

// Params are parameters in the order written; names are in lower case.
type Params []Param

// Part is a MIME entity: the message itself (Summary.Root) or a part in it. Offsets count from the message's first byte.
type Part struct {
	Type, Subtype     string // in lower case; text/plain if there is none or it is malformed
	Params            Params // of Content-Type
	ID                string // Content-ID as written
	Description       string // Content-Description as written, RFC 2047 words as they are
	Encoding          string // Content-Transfer-Encoding in lower case; "7bit" if there is none
	MD5               string // Content-MD5
	Disposition       string // in lower case; empty if there is none
	DispositionParams Params
	Language          []string
	Location          string

	HeaderStart int64 // where the header block begins
	BodyStart   int64 // where the body begins, after the blank line
	End         int64 // where the body ends, without the line break that belongs to the next delimiter
	Lines       int64 // line feeds in the body

	// Envelope is that of the message inside a message/rfc822 or message/global part; nil for others.
	Envelope *Envelope
	// Children are a multipart's parts, or the one message inside a message/rfc822 part.
	Children []Part
}

// Size is the body's length in bytes, still encoded: what BODYSTRUCTURE tells.
func (p *Part) Size() int64 { return p.End - p.BodyStart }

// IsMultipart reports whether the part has parts of its own.
func (p *Part) IsMultipart() bool { return p.Type == "multipart" }

// IsMessage reports whether the part is a message whose structure is known: its one child is that message.
func (p *Part) IsMessage() bool { return p.Envelope != nil && len(p.Children) == 1 }

// HeaderSize is the length of the message's header block with its blank line.
func (s *Summary) HeaderSize() int64 { return s.Root.BodyStart }

// Find follows an IMAP section number (RFC 9051 section 6.4.5.1): part 1 of a message that is not multipart is the message's
// own body, and a number after a message/rfc822 part counts inside that message. No number finds the root. It returns
// nil if there is no such part.
func (s *Summary) Find(path ...int) *Part {
	p := &s.Root
	for i, n := range path {
		if p.IsMessage() && i > 0 {
			p = &p.Children[0]
			if !p.IsMultipart() {
				if n != 1 {
					return nil
				}
				continue
			}
		}
		switch {
		case p.IsMultipart():
			if n < 1 || n > len(p.Children) {
				return nil
			}
			p = &p.Children[n-1]
		case n == 1 && i == 0: // BODY[1] of a message in one piece
		default:
			return nil
		}
	}
	return p
}

// Walk visits the part and all in it, depth first, until visit returns false.
func (p *Part) Walk(visit func(*Part) bool) bool {
	if !visit(p) {
		return false
	}
	for i := range p.Children {
		if !p.Children[i].Walk(visit) {
			return false
		}
	}
	return true
}
