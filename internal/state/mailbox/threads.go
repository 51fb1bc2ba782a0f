package mailbox

import (
	"context"
	"crypto/sha256"

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

// threadHits are the threads that the durable state knows for hashes, as of a number.
type threadHits struct {
	number uint64
	found  map[threadHash]mail.ThreadID
}

// lookThreads finds hashes in the thread index.
func lookThreads(ctx context.Context, v store.View, a mail.AccountID, hashes []threadHash) (threadHits, error) {
	n, err := v.Number(ctx, partition(a))
	if err != nil {
		return threadHits{}, err
	}
	hits := threadHits{number: n}
	for _, h := range hashes {
		k := newKey(a, rowIndex)
		k.n += copy(k.b[k.n:], h[:])
		r := store.PrefixRange(append([]byte(nil), k.bytes()...))
		err := v.Scan(ctx, r, func(_, value []byte) (bool, error) {
			d := newDec(value)
			t := mail.ThreadID{ID: d.id()}
			if err := d.end("thread index row"); err != nil {
				return false, err
			}
			if hits.found == nil {
				hits.found = map[threadHash]mail.ThreadID{}
			}
			hits.found[h] = t
			return false, nil
		})
		if err != nil {
			return threadHits{}, err
		}
	}
	return hits, nil
}

// recentThreads remembers the hashes of the last commits, durable or not. The account's lock guards it.
type recentThreads struct {
	byHash  map[threadHash]recentThread
	queue   []recentHash
	dropped uint64 // the highest number of which something was forgotten
}

type recentThread struct {
	number uint64
	thread mail.ThreadID
}

type recentHash struct {
	hash   threadHash
	number uint64
}

func (r *recentThreads) add(h threadHash, t mail.ThreadID, number uint64) {
	if r.byHash == nil {
		r.byHash = map[threadHash]recentThread{}
	}
	r.byHash[h] = recentThread{number, t}
	r.queue = append(r.queue, recentHash{h, number})
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
	if n > 0 {
		r.queue = append(r.queue[:0], r.queue[n:]...)
	}
}

// thread decides an e-mail's thread: the nearest relative's, or a new one that has the e-mail's own id.
func (r *recentThreads) thread(hashes []threadHash, hits threadHits, own mail.EmailID) mail.ThreadID {
	for _, h := range hashes {
		if t, ok := r.byHash[h]; ok {
			return t.thread
		}
		if t, ok := hits.found[h]; ok {
			return t
		}
	}
	return mail.ThreadID{ID: own.ID}
}
