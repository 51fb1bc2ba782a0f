package main

import "os"

// ways is a load that is put on both sides with TLS and without.
type ways struct {
	what       string // the row's title
	peer, unit string
	aim        float64
	ours       func(start starter) (float64, error)
	theirs     func(start starter) (float64, error)
	// What nobody can be faster than, with TLS and without; nil for none.
	floor, floorPlain *side
}

// bothWays makes two rows, so that like stands beside like. What nobody can compare fairly, ours with TLS beside theirs without, stands in the
// first one, without an aim.
func (b *bench) bothWays(w ways) ([]result, error) {
	secure, plain := figure{name: "Posthorn, TLS", unit: w.unit}, figure{name: "Posthorn, no TLS", unit: w.unit}
	peerSecure := figure{name: w.peer + ", TLS", unit: w.unit, aim: w.aim}
	peerPlain := figure{name: w.peer + ", no TLS", unit: w.unit, aim: w.aim}
	sides := []side{
		{&secure, func() (float64, error) { return w.ours(b.posthorn) }},
		{&plain, func() (float64, error) { return w.ours(b.posthornPlain) }},
	}
	if os.Getenv("PEERS") == "no" {
		err := b.inTurn(sides...)
		return []result{{row: w.what + ", TLS", ours: secure}, {row: w.what + ", no TLS", ours: plain}}, err
	}
	sides = append(sides,
		side{&peerSecure, func() (float64, error) { return w.theirs(b.peerTLS) }},
		side{&peerPlain, func() (float64, error) { return w.theirs(b.peerPlain) }},
	)
	for _, f := range []*side{w.floor, w.floorPlain} {
		if f != nil {
			sides = append(sides, *f)
		}
	}
	err := b.inTurn(sides...)
	across := peerPlain
	across.aim = 0
	withTLS := result{row: w.what + ", TLS", ours: secure, peers: []figure{peerSecure, across}}
	if w.floor != nil {
		withTLS.peers = append(withTLS.peers, *w.floor.into)
	}
	without := result{row: w.what + ", no TLS", ours: plain, peers: []figure{peerPlain}}
	if w.floorPlain != nil {
		without.peers = append(without.peers, *w.floorPlain.into)
	}
	return []result{withTLS, without}, err
}
