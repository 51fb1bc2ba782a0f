package mailbox

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// An e-mail joins the thread of one that names a message id it names too, its own or one it refers to, if their base
// subjects are the same (RFC 8621 section 3). Threads are never joined with each other: an e-mail's thread is for ever.

// threadHash is what two e-mails of a thread have in common: the hash of a message id and the base subject.
type threadHash [hashLen]byte

const (
	// maxThreadIDs bounds the ids of one e-mail that are used: its own, the first it refers to (the thread's root) and the last
	// ones.
	maxThreadIDs = 7
	// maxRecent is how many hashes of past commits are kept in memory; those of commits not yet durable always are.
	maxRecent = 1024
)

// threadHashes gives an e-mail's hashes, the most telling first: its own, then from the nearest ancestor to the farthest.
func threadHashes(s *message.Summary) []threadHash {
	if s == nil {
		return nil
	}
	env := &s.Envelope
	ids := make([]string, 0, maxThreadIDs)
	add := func(id string) {
		if id == "" || len(ids) == maxThreadIDs {
			return
		}
		for _, have := range ids {
			if have == id {
				return
			}
		}
		ids = append(ids, id)
	}
	add(env.MessageID)
	for i := len(env.References) - 1; i >= 0 && len(ids) < maxThreadIDs-2; i-- {
		add(env.References[i])
	}
	for _, id := range env.InReplyTo {
		add(id)
	}
	if len(env.References) > 0 {
		add(env.References[0])
	}
	base := message.BaseSubject(env.Subject)
	hashes := make([]threadHash, len(ids))
	var buf []byte
	for i, id := range ids {
		buf = append(append(append(buf[:0], id...), 0), base...)
		sum := sha256.Sum256(buf)
		copy(hashes[i][:], sum[:])
	}
	return hashes
}

// threadLink is what the index has for a hash: the thread, and how many e-mails have the hash. The thread is that of the first
// of them; the row goes with the last.
type threadLink struct {
	thread mail.ThreadID
	count  uint32
}

func (l threadLink) append(e enc) enc {
	return append(e, rowVersion).id(l.thread.ID).uint(uint64(l.count))
}

func decodeLink(b []byte) (threadLink, error) {
	d := newDec(b)
	l := threadLink{thread: mail.ThreadID{ID: d.id()}, count: d.uint32()}
	return l, d.end("thread index row")
}

func getLink(ctx context.Context, v store.View, a mail.AccountID, h threadHash) (threadLink, error) {
	k := indexKey(a, h)
	b, err := v.Get(ctx, k.bytes())
	if isNotFound(err) {
		return threadLink{}, nil
	}
	if err != nil {
		return threadLink{}, fmt.Errorf("read thread index row: %w", err)
	}
	return decodeLink(b)
}

// threadHits are what the durable index has for some hashes. It has everything up to number, which was shown before it was read.
type threadHits struct {
	number uint64
	links  []threadLink // one for each hash
}

// lookThreads finds hashes in the thread index, into the memory of links.
func lookThreads(ctx context.Context, v store.View, a mail.AccountID, hashes []threadHash, links []threadLink) ([]threadLink, error) {
	links = links[:0]
	for _, h := range hashes {
		l, err := getLink(ctx, v, a, h)
		if err != nil {
			return nil, err
		}
		links = append(links, l)
	}
	return links, nil
}

// hashLink is a row of the index that a commit writes; with a count of zero, deletes.
type hashLink struct {
	hash threadHash
	link threadLink
}

// recentThreads remembers what the last commits wrote to the index, durable or not. The account's order lock guards it.
type recentThreads struct {
	byHash  map[threadHash]recentLink
	queue   []recentHash
	dropped uint64 // the highest number of which something was forgotten
}

type recentLink struct {
	number uint64
	link   threadLink
}

type recentHash struct {
	hash   threadHash
	number uint64
}

func (r *recentThreads) add(links []hashLink, number uint64) {
	if r.byHash == nil {
		r.byHash = map[threadHash]recentLink{}
	}
	for i := range links {
		r.byHash[links[i].hash] = recentLink{number, links[i].link}
		r.queue = append(r.queue, recentHash{links[i].hash, number})
	}
}

// trim forgets old hashes of commits up to durable.
func (r *recentThreads) trim(durable uint64) {
	n := 0
	for len(r.queue)-n > maxRecent && r.queue[n].number <= durable {
		q := r.queue[n]
		if r.byHash[q.hash].number == q.number {
			delete(r.byHash, q.hash)
		}
		r.dropped = max(r.dropped, q.number)
		n++
	}
	if n > maxRecent {
		r.queue = append(r.queue[:0], r.queue[n:]...)
		return
	}
	r.queue = r.queue[n:]
}

// linkSet is the index's rows as one commit leaves them.
type linkSet struct {
	links  []hashLink
	byHash map[threadHash]int // index in links; only of many
}

// fewLinks is up to how many links a linkSet searches one by one.
const fewLinks = 16

func (s *linkSet) get(h threadHash) (threadLink, bool) {
	if s.byHash != nil {
		i, ok := s.byHash[h]
		if !ok {
			return threadLink{}, false
		}
		return s.links[i].link, true
	}
	for i := range s.links {
		if s.links[i].hash == h {
			return s.links[i].link, true
		}
	}
	return threadLink{}, false
}

func (s *linkSet) put(h threadHash, l threadLink) {
	if s.byHash == nil && len(s.links) >= fewLinks {
		s.byHash = make(map[threadHash]int, 4*fewLinks)
		for i := range s.links {
			s.byHash[s.links[i].hash] = i
		}
	}
	if s.byHash != nil {
		if i, ok := s.byHash[h]; ok {
			s.links[i].link = l
			return
		}
		s.byHash[h] = len(s.links)
	} else {
		for i := range s.links {
			if s.links[i].hash == h {
				s.links[i].link = l
				return
			}
		}
	}
	s.links = append(s.links, hashLink{h, l})
}

// link is what the index has for a hash as this commit finds it. durable reads what neither this commit nor a recent one has
// written.
func (t *txn) link(h threadHash, durable func() (threadLink, error)) (threadLink, error) {
	if l, ok := t.links.get(h); ok {
		return l, nil
	}
	if r, ok := t.st.recent.byHash[h]; ok {
		return r.link, nil
	}
	return durable()
}

// setLink writes a row of the index.
func (t *txn) setLink(h threadHash, l threadLink) {
	t.links.put(h, l)
	k := indexKey(t.st.id, h)
	if l.count == 0 {
		t.batch.Delete(k.bytes())
		return
	}
	var buf [1 + idLen + 5]byte
	t.batch.Set(k.bytes(), l.append(buf[:0]))
}

// enter counts a new e-mail's hashes in, and gives its thread: the nearest relative's, or a new one that has the e-mail's own id.
func (t *txn) enter(hashes []threadHash, hits threadHits, own mail.EmailID) (mail.ThreadID, error) {
	thread := mail.ThreadID(own)
	var links [maxThreadIDs]threadLink
	for i := len(hashes) - 1; i >= 0; i-- {
		l, err := t.link(hashes[i], func() (threadLink, error) { return hits.links[i], nil })
		if err != nil {
			return thread, err
		}
		if l.count > 0 {
			thread = l.thread
		}
		links[i] = l
	}
	for i, l := range links[:len(hashes)] {
		if l.count == 0 {
			l.thread = thread
		}
		l.count++
		t.setLink(hashes[i], l)
	}
	return thread, nil
}

// leave counts an e-mail's hashes out.
func (t *txn) leave(hashes []threadHash, durable func(threadHash) (threadLink, error)) error {
	for _, h := range hashes {
		l, err := t.link(h, func() (threadLink, error) { return durable(h) })
		if err != nil {
			return err
		}
		if l.count > 0 {
			l.count--
		}
		t.setLink(h, l)
	}
	return nil
}

// linkReader gives a reader of durable links for a commit that takes n of the account's e-mails: one by one, or all at once
// if that is cheaper.
func (t *txn) linkReader(ctx context.Context, v store.View, n int) (func(threadHash) (threadLink, error), error) {
	if !t.manyOf(n) {
		return func(h threadHash) (threadLink, error) { return getLink(ctx, v, t.st.id, h) }, nil
	}
	all := map[threadHash]threadLink{}
	err := v.Scan(ctx, rowRange(t.st.id, rowIndex), func(key, value []byte) (bool, error) {
		if len(key) != keyHead+hashLen {
			return false, errRow
		}
		l, err := decodeLink(value)
		all[threadHash(key[keyHead:])] = l
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read thread index: %w", err)
	}
	return func(h threadHash) (threadLink, error) { return all[h], nil }, nil
}
