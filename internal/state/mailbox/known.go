package mailbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// Most e-mails that come have nothing to do with those that are there, and to learn that from the store costs a search in every
// table that may have the hash. So an account into which much comes gets a filter (Bloom's) over all hashes of its thread index:
// what it does not know, the index does not have.

const (
	// learnAfter is how many look-ups an account sees before its filter is made, with one scan of the index.
	learnAfter = 32
	// learnEmails is the largest account that gets a filter, and learnBytes bounds the memory of all filters.
	learnEmails = 500_000
	learnBytes  = 16 << 20
	// probes is the bits of a hash; with knownBits for each hash, one in 400 is taken for known that is not.
	probes       = 4
	knownBits    = 16
	knownAtLeast = 4096 // hashes that fit into the smallest filter
)

// knownHashes is a filter. Adding and asking need no lock; hashes are never taken out.
type knownHashes struct {
	words []atomic.Uint64 // a power of two
	room  atomic.Int64    // hashes that still fit well
	ready atomic.Bool     // the scan is through: what is not in it is not there
}

// newKnown makes a filter for an account of so many e-mails, to which as many may come.
func newKnown(emails int64) *knownHashes {
	hashes := max(4*emails, knownAtLeast) // two each, an id and what it answers
	k := &knownHashes{words: make([]atomic.Uint64, 1<<bits.Len64(uint64(hashes*knownBits/64-1)))}
	k.room.Store(hashes)
	return k
}

func (k *knownHashes) bytes() int64 { return int64(len(k.words)) * 8 }

// bit is probe number i of a hash, which is random already.
func (k *knownHashes) bit(h *threadHash, i uint64) (word *atomic.Uint64, mask uint64) {
	n := binary.LittleEndian.Uint64(h[:]) + i*uint64(binary.LittleEndian.Uint32(h[6:])|1)
	return &k.words[(n>>6)&uint64(len(k.words)-1)], 1 << (n & 63)
}

func (k *knownHashes) add(h threadHash) {
	for i := range uint64(probes) {
		w, mask := k.bit(&h, i*0x9e3779b9)
		w.Or(mask)
	}
	k.room.Add(-1)
}

// lacks reports whether the index surely has none of the hashes.
func (k *knownHashes) lacks(hashes []threadHash) bool {
	if k == nil || !k.ready.Load() {
		return false
	}
	for j := range hashes {
		if k.has(&hashes[j]) {
			return false
		}
	}
	return true
}

func (k *knownHashes) has(h *threadHash) bool {
	for i := range uint64(probes) {
		if w, mask := k.bit(h, i*0x9e3779b9); w.Load()&mask == 0 {
			return false
		}
	}
	return true
}

// lacks reports whether the account's thread index surely has none of the hashes, as of a View opened now. From time to time it
// has work to do: to make the filter, or to make a larger one.
func (st *state) lacks(ctx context.Context, hashes []threadHash) (bool, error) {
	k := st.known.Load()
	switch {
	case k == nil && st.asked.Add(1) == learnAfter:
		if err := st.learn(ctx); err != nil {
			return false, fmt.Errorf("read thread index: %w", err)
		}
		k = st.known.Load()
	case k != nil && k.room.Load() < 0 && k.ready.Load():
		st.unlearn(k)
		return false, nil
	}
	return k.lacks(hashes), nil
}

// learn makes the filter. What is submitted from its beginning on is added by submitted, what was before and is not durable yet
// is among the recent ones, and the rest is in the store.
func (st *state) learn(ctx context.Context) error {
	st.order.Lock()
	emails := st.head.row.used.Emails
	if emails > learnEmails {
		st.order.Unlock()
		return nil
	}
	k := newKnown(emails)
	if st.svc.known.Add(k.bytes()) > learnBytes {
		st.svc.known.Add(-k.bytes())
		st.order.Unlock()
		return nil
	}
	for h := range st.recent.byHash {
		k.add(h)
	}
	st.known.Store(k)
	st.order.Unlock()
	if st.stale() { // and perhaps forgotten before the filter was there
		st.unlearn(k)
		return nil
	}
	v, err := st.svc.st.View(ctx)
	if err != nil {
		st.unlearn(k)
		return err
	}
	defer v.Close()
	err = v.Scan(ctx, rowRange(st.id, rowIndex), func(key, _ []byte) (bool, error) {
		if len(key) != keyHead+hashLen {
			return false, errRow
		}
		k.add(threadHash(key[keyHead:]))
		return true, nil
	})
	if err != nil {
		st.unlearn(k)
		return err
	}
	k.ready.Store(true)
	return nil
}

// unlearn forgets the filter; another is made when as many have asked again.
func (st *state) unlearn(k *knownHashes) {
	if k != nil && st.known.CompareAndSwap(k, nil) {
		st.svc.known.Add(-k.bytes())
		st.asked.Store(0)
	}
}

// noteLinks adds what a commit writes to the index. The caller holds order.
func (st *state) noteLinks(links []hashLink) {
	k := st.known.Load()
	if k == nil {
		return
	}
	for i := range links {
		if links[i].link.count > 0 {
			k.add(links[i].hash)
		}
	}
}

// find finds hashes in the thread index, into the memory of links.
func (st *state) find(ctx context.Context, v store.View, hashes []threadHash, links []threadLink) ([]threadLink, error) {
	none, err := st.lacks(ctx, hashes)
	if err != nil {
		return nil, err
	}
	if !none {
		return lookThreads(ctx, v, st.id, hashes, links)
	}
	links = links[:0]
	for range hashes {
		links = append(links, threadLink{})
	}
	return links, nil
}
