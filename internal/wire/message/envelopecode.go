package message

import (
	"fmt"
	"math"
)

// DecodeEnvelope is DecodeSummary for who wants no more than the envelope; what is behind it is not looked at.
func DecodeEnvelope(b []byte) (Envelope, error) {
	if len(b) == 0 || b[0] != summaryVersion {
		return Envelope{}, fmt.Errorf("%w: unknown version", ErrSummary)
	}
	d := summaryDecoder{s: string(b[1:])}
	_, _, _ = d.int(), d.number(math.MaxUint16), d.string() // size, traits, preview
	var e Envelope
	d.envelope(&e)
	if d.bad {
		return Envelope{}, ErrSummary
	}
	return e, nil
}
