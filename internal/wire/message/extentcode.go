package message

import "math"

// Extent is where a part is in its message; the fields are Part's.
type Extent struct{ HeaderStart, BodyStart, End int64 }

// Extent is where the part is.
func (p *Part) Extent() Extent { return Extent{p.HeaderStart, p.BodyStart, p.End} }

// DecodeExtent is DecodeSummary for who wants to know no more of a message than where its header and its body are. What is before
// that in the row is passed over and costs no memory, what is behind it is not looked at.
func DecodeExtent(b []byte) (Extent, error) {
	w := enterEnvelope(b)
	w.leaveEnvelope()
	w.skip(2) // type and subtype
	w.skip(2 * w.number())
	w.skip(6) // encoding, ID, description, MD5, disposition, location
	w.skip(2 * w.number())
	w.skip(w.number()) // languages
	var p Extent
	p.HeaderStart = int64(w.number())
	p.BodyStart = p.HeaderStart + int64(w.number())
	p.End = p.BodyStart + int64(w.number())
	if w.bad || p.HeaderStart < 0 || p.BodyStart < p.HeaderStart || p.End < p.BodyStart || p.End > math.MaxInt64/4 {
		return Extent{}, ErrSummary
	}
	return p, nil
}
