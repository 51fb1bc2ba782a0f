package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// Hash says how new passwords are kept; old ones keep what was chosen then.
type Hash struct {
	MemoryKiB       uint32 // argon2id's memory; 0 means 19456 (19 MiB)
	Passes          uint32 // argon2id's passes; 0 means 2
	Threads         uint8  // argon2id's lanes; 0 means 1
	Concurrent      int    // hashes computed at the same time; 0 means one for two processors, so that a flood of logins leaves half of them to the mail
	ScramIterations int    // 0 means 65536
}

// The defaults. Argon2id with 19 MiB, 2 passes and 1 lane is what OWASP asks for at least: about 20 ms of one processor, so that a small
// machine checks fifty new logins a second, and memory is bounded by the processors.
//
// RFC 7677 asks for 4096 iterations of SCRAM at least. Whoever steals the rows attacks the weaker of the two, so this is higher; but each
// login costs the client as much as one guess costs the thief, and Cyrus SASL, which mutt and mbsync use, refuses to compute more than
// 65,536, which is about 20 ms there. It costs us nothing at a login, only when a password is set.
const (
	defaultMemoryKiB  = 19 << 10
	defaultPasses     = 2
	defaultThreads    = 1
	defaultIterations = 65536
	saltLen           = 16
	hashLen           = 32
	// queuePerSlot bounds who waits for a hash: a second's work of each slot or so.
	queuePerSlot = 64
	// maxPassword bounds a password in bytes.
	maxPassword = 1024
)

// hasher computes hashes, only so many at the same time.
type hasher struct {
	o       Hash
	slots   chan struct{}
	waiting atomic.Int64
	dummy   argonHash // what the password of nobody is compared with
}

func newHasher(o Hash) *hasher {
	setDefault(&o.MemoryKiB, defaultMemoryKiB)
	setDefault(&o.Passes, defaultPasses)
	setDefault(&o.Threads, defaultThreads)
	setDefault(&o.Concurrent, (runtime.GOMAXPROCS(0)+1)/2)
	setDefault(&o.ScramIterations, defaultIterations)
	h := &hasher{o: o, slots: make(chan struct{}, o.Concurrent)}
	h.dummy = h.parameters()
	h.dummy.Hash = newSalt(hashLen)
	return h
}

func setDefault[T int | uint32 | uint8](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

func newSalt(n int) []byte {
	s := make([]byte, n)
	_, _ = rand.Read(s) // never fails
	return s
}

func (h *hasher) parameters() argonHash {
	return argonHash{MemoryKiB: h.o.MemoryKiB, Passes: h.o.Passes, Threads: h.o.Threads, Salt: newSalt(saltLen)}
}

// enter waits for a slot. With too many waiting it fails at once, so that a flood of logins is answered and not piled up.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	if h.waiting.Add(1) > int64(queuePerSlot*cap(h.slots)) {
		h.waiting.Add(-1)
		return nil, mail.Refuse(mail.KindLoginLater, "too many logins at once, please try again later")
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, mail.Failed(mail.KindLoginLater, "the login was given up", ctx.Err())
	}
}

// make computes all that is kept of a password.
func (h *hasher) make(ctx context.Context, plain string, now time.Time) (*password, error) {
	prepared, err := sasl.PreparePassword(plain)
	if err != nil || len(plain) > maxPassword {
		return nil, mail.Refusef(mail.KindSyntax, "a password has no control characters and at most %d bytes", maxPassword)
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	p := &password{Argon: h.parameters(), Changed: now}
	p.Argon.Hash = p.Argon.compute(prepared)
	keys, err := sasl.DeriveKeys(prepared, newSalt(saltLen), h.o.ScramIterations)
	if err != nil {
		return nil, mail.Failed(mail.KindInternal, "the password cannot be kept", err)
	}
	p.Scram = scramRow{Salt: keys.Salt, Iterations: keys.Iterations, StoredKey: keys.StoredKey[:], ServerKey: keys.ServerKey[:]}
	return p, nil
}

// check reports whether a password is right. Nobody's password (p is nil) costs the same and is never right.
func (h *hasher) check(ctx context.Context, p *password, plain string) (bool, error) {
	against := h.dummy
	if p != nil {
		against = p.Argon
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	got := against.compute(plain)
	return subtle.ConstantTimeCompare(got, against.Hash) == 1 && p != nil, nil
}

func (a *argonHash) compute(prepared string) []byte {
	return argon2.IDKey([]byte(prepared), a.Salt, a.Passes, a.MemoryKiB, a.Threads, hashLen)
}
