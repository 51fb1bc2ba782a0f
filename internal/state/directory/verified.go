package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

const (
	// verifiedFor is how long a password that was right is remembered, counted from when it was hashed.
	verifiedFor = 10 * time.Minute
	maxVerified = 65536
)

// verified remembers that a password was right, so that a client that comes each minute is not hashed each time. It keeps no
// password: only an HMAC over account, stored hash and password, under a key that only this process has. A password that is changed
// has another stored hash, so what is remembered of the old one fits nothing any more.
type verified struct {
	clock clock.Clock
	key   []byte

	mu    sync.Mutex
	until map[mark]time.Time // guarded by mu
	order []mark             // guarded by mu; as they were added, which is as they end
	// now are those that are being hashed; the channel is closed when that is over.
	now map[mark]chan struct{} // guarded by mu
}

type mark [sha256.Size]byte

func newVerified(c clock.Clock) *verified {
	return &verified{clock: c, key: newSalt(sha256.Size), until: make(map[mark]time.Time), now: make(map[mark]chan struct{})}
}

// of is the mark of a password for an account whose stored hash is a.
func (v *verified) of(id mail.AccountID, a *argonHash, plain string) mark {
	h := hmac.New(sha256.New, v.key)
	h.Write(id.ID[:])
	h.Write(a.Salt)
	h.Write(a.Hash)
	h.Write([]byte(plain)) // the parts before are of fixed length
	return mark(h.Sum(nil))
}

// turn waits, once, while the same password is being hashed for another login: if it was right, it need not be hashed again. Clients open
// several connections at a time. Leave says that whoever got the turn is through.
func (v *verified) turn(ctx context.Context, m mark) (leave func()) {
	if v.has(m) {
		return func() {}
	}
	v.mu.Lock()
	other := v.now[m]
	if other == nil {
		mine := make(chan struct{})
		v.now[m] = mine
		v.mu.Unlock()
		return func() {
			v.mu.Lock()
			delete(v.now, m)
			v.mu.Unlock()
			close(mine)
		}
	}
	v.mu.Unlock()
	select {
	case <-other:
	case <-ctx.Done(): // the hasher says so
	}
	return func() {}
}

func (v *verified) has(m mark) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	until, ok := v.until[m]
	return ok && v.clock.Now().Before(until)
}

func (v *verified) add(m mark) {
	now := v.clock.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.order) > 0 && (len(v.order) >= maxVerified || !now.Before(v.until[v.order[0]])) {
		delete(v.until, v.order[0])
		v.order = v.order[1:]
	}
	if _, ok := v.until[m]; ok {
		return
	}
	v.until[m] = now.Add(verifiedFor)
	v.order = append(v.order, m)
}
