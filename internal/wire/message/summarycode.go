package message

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// summaryVersion is the first byte of an encoded Summary.
const summaryVersion = 1

// ErrSummary means bytes are not an encoded Summary.
var ErrSummary = errors.New("message: not an encoded summary")

// AppendBinary writes the summary's stored form behind b. The error is always nil (encoding.BinaryAppender).
func (s *Summary) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, summaryVersion)
	b = binary.AppendUvarint(b, uint64(s.Size))
	b = binary.AppendUvarint(b, uint64(s.Traits))
	b = appendString(b, s.Preview)
	b = appendEnvelope(b, &s.Envelope)
	return appendPart(b, &s.Root, 0), nil
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func appendEnvelope(b []byte, e *Envelope) []byte {
	b = appendString(b, e.RawDate)
	if e.Date.IsZero() {
		b = append(b, 0)
	} else {
		_, offset := e.Date.Zone()
		b = append(b, 1)
		b = binary.AppendVarint(b, e.Date.Unix())
		b = binary.AppendVarint(b, int64(offset/60))
	}
	b = appendString(b, e.Subject)
	for _, list := range e.lists() {
		b = binary.AppendUvarint(b, uint64(len(*list)))
		for _, a := range *list {
			b = append(b, byte(a.Mark))
			b = appendString(b, a.Name)
			if a.Mark == MarkNone {
				b = appendString(b, a.Local)
				b = appendString(b, a.Domain)
			}
		}
	}
	b = appendString(b, e.RawInReplyTo)
	b = appendStrings(b, e.InReplyTo)
	b = appendStrings(b, e.References)
	return appendString(b, e.MessageID)
}

func appendParams(b []byte, ps Params) []byte {
	b = binary.AppendUvarint(b, uint64(len(ps)))
	for _, p := range ps {
		b = appendString(b, p.Name)
		b = appendString(b, p.Value)
	}
	return b
}

func appendPart(b []byte, p *Part, from int64) []byte {
	b = appendString(b, p.Type)
	b = appendString(b, p.Subtype)
	b = appendParams(b, p.Params)
	b = appendString(b, p.Encoding)
	for _, s := range [...]string{p.ID, p.Description, p.MD5, p.Disposition, p.Location} {
		b = appendString(b, s)
	}
	b = appendParams(b, p.DispositionParams)
	b = appendStrings(b, p.Language)
	b = binary.AppendUvarint(b, uint64(p.HeaderStart-from))
	b = binary.AppendUvarint(b, uint64(p.BodyStart-p.HeaderStart))
	b = binary.AppendUvarint(b, uint64(p.End-p.BodyStart))
	b = binary.AppendUvarint(b, uint64(p.Lines))
	if p.Envelope == nil {
		b = append(b, 0)
	} else {
		b = append(b, 1)
		b = appendEnvelope(b, p.Envelope)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Children)))
	for i := range p.Children {
		b = appendPart(b, &p.Children[i], p.BodyStart)
	}
	return b
}

// DecodeSummary reads a summary's stored form. The summary does not share b's memory. What it allocates is bounded by a
// multiple of b's length.
func DecodeSummary(b []byte) (*Summary, error) {
	if len(b) == 0 || b[0] != summaryVersion {
		return nil, fmt.Errorf("%w: unknown version", ErrSummary)
	}
	d := summaryDecoder{s: string(b[1:])}
	s := &Summary{Size: d.int(), Traits: Traits(d.number(math.MaxUint16)), Preview: d.string()}
	d.envelope(&s.Envelope)
	d.part(&s.Root, 0, 0)
	if d.bad || d.s != "" {
		return nil, ErrSummary
	}
	return s, nil
}

// summaryDecoder reads from the front of s. After the first mistake everything reads as zero.
type summaryDecoder struct {
	s   string
	bad bool
}

func (d *summaryDecoder) fail() { d.bad, d.s = true, "" }

// number reads an unsigned varint up to limit.
func (d *summaryDecoder) number(limit uint64) uint64 {
	var v uint64
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		c := d.s[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if v > limit {
				break
			}
			d.s = d.s[i+1:]
			return v
		}
	}
	d.fail()
	return 0
}

func (d *summaryDecoder) int() int64 { return int64(d.number(math.MaxInt64 / 4)) }

func (d *summaryDecoder) signed() int64 {
	v := d.number(math.MaxUint64)
	return int64(v>>1) ^ -int64(v&1)
}

// count reads the length of a list whose elements take at least size bytes each.
func (d *summaryDecoder) count(size int) int { return int(d.number(uint64(len(d.s) / size))) }

func (d *summaryDecoder) string() string {
	n := d.number(uint64(len(d.s)))
	if d.bad || n > uint64(len(d.s)) {
		d.fail()
		return ""
	}
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

func (d *summaryDecoder) strings() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = d.string()
	}
	return out
}

func (d *summaryDecoder) params() Params {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	out := make(Params, n)
	for i := range out {
		out[i] = Param{Name: d.string(), Value: d.string()}
	}
	return out
}

func (d *summaryDecoder) addresses() []Address {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	out := make([]Address, n)
	for i := range out {
		a := &out[i]
		a.Mark = Mark(d.number(uint64(MarkGroupEnd)))
		a.Name = d.string()
		if a.Mark == MarkNone {
			a.Local, a.Domain = d.string(), d.string()
		}
	}
	return out
}

func (d *summaryDecoder) envelope(e *Envelope) {
	e.RawDate = d.string()
	if d.number(1) == 1 {
		at, minutes := d.signed(), d.signed()
		zone := time.UTC
		if minutes < -24*60 || minutes > 24*60 {
			d.fail()
		} else if minutes != 0 {
			zone = time.FixedZone("", int(minutes)*60)
		}
		e.Date = time.Unix(at, 0).In(zone)
	}
	e.Subject = d.string()
	for _, list := range e.lists() {
		*list = d.addresses()
	}
	e.RawInReplyTo = d.string()
	e.InReplyTo = d.strings()
	e.References = d.strings()
	e.MessageID = d.string()
}

// smallestPart is the least number of bytes that a part takes.
const smallestPart = 17

func (d *summaryDecoder) part(p *Part, from int64, depth int) {
	if depth > MaxDepth+1 {
		d.fail()
		return
	}
	p.Type, p.Subtype, p.Params, p.Encoding = d.string(), d.string(), d.params(), d.string()
	for _, s := range [...]*string{&p.ID, &p.Description, &p.MD5, &p.Disposition, &p.Location} {
		*s = d.string()
	}
	p.DispositionParams = d.params()
	p.Language = d.strings()
	p.HeaderStart = from + d.int()
	p.BodyStart = p.HeaderStart + d.int()
	p.End = p.BodyStart + d.int()
	p.Lines = d.int()
	if p.End < 0 || p.End > math.MaxInt64/4 {
		d.fail()
	}
	if d.number(1) == 1 {
		p.Envelope = new(Envelope)
		d.envelope(p.Envelope)
	}
	n := d.count(smallestPart)
	if n == 0 || d.bad {
		return
	}
	// Room is made as the parts come, for a false count must not reserve memory.
	p.Children = make([]Part, 0, min(n, 16))
	for range n {
		var child Part
		d.part(&child, p.BodyStart, depth+1)
		if d.bad {
			return
		}
		p.Children = append(p.Children, child)
	}
}
