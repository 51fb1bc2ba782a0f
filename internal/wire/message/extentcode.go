package message

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Extent is where a part is in its message; the fields are Part's.
type Extent struct{ HeaderStart, BodyStart, End int64 }

// Extent is where the part is.
func (p *Part) Extent() Extent { return Extent{p.HeaderStart, p.BodyStart, p.End} }

// DecodeExtent is DecodeSummary for who wants to know no more of a message than where its header and its body are. What is before
// that in the row is passed over and costs no memory, what is behind it is not looked at.
func DecodeExtent(b []byte) (Extent, error) {
	if len(b) == 0 || b[0] != summaryVersion {
		return Extent{}, fmt.Errorf("%w: unknown version", ErrSummary)
	}
	d := summarySkipper{b: b[1:]}
	d.number() // size
	d.number() // traits
	d.strings(1)
	d.envelope()
	d.strings(2) // type and subtype
	d.strings(2 * d.number())
	d.strings(6) // encoding, ID, description, MD5, disposition, location
	d.strings(2 * d.number())
	d.strings(d.number()) // languages
	var p Extent
	p.HeaderStart = int64(d.number())
	p.BodyStart = p.HeaderStart + int64(d.number())
	p.End = p.BodyStart + int64(d.number())
	if d.bad || p.HeaderStart < 0 || p.BodyStart < p.HeaderStart || p.End < p.BodyStart || p.End > math.MaxInt64/4 {
		return Extent{}, ErrSummary
	}
	return p, nil
}

// summarySkipper passes over what summaryDecoder reads. After the first mistake everything is zero.
type summarySkipper struct {
	b   []byte
	bad bool
}

func (d *summarySkipper) number() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[n:]
	return v
}

// strings passes over so many of them.
func (d *summarySkipper) strings(count uint64) {
	for ; count > 0 && !d.bad; count-- {
		n := d.number()
		if n > uint64(len(d.b)) {
			d.b, d.bad = nil, true
			return
		}
		d.b = d.b[n:]
	}
}

func (d *summarySkipper) envelope() {
	d.strings(1) // the date as written
	if d.number() == 1 {
		d.number() // and as read
		d.number()
	}
	d.strings(1) // subject
	for range addressLists {
		for n := d.number(); n > 0 && !d.bad; n-- {
			if Mark(d.number()) == MarkNone {
				d.strings(3)
				continue
			}
			d.strings(1)
		}
	}
	d.strings(1) // In-Reply-To as written
	d.strings(d.number())
	d.strings(d.number())
	d.strings(1) // message id
}
