package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
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
	work    *limit.Work
	waiting atomic.Int64
	queues  *limit.Gates // those who wait, by whom they wait for
	dummy   argonHash    // what the password of nobody is compared with
}

func newHasher(o Hash) *hasher {
	setDefault(&o.MemoryKiB, defaultMemoryKiB)
	setDefault(&o.Passes, defaultPasses)
	setDefault(&o.Threads, defaultThreads)
	setDefault(&o.Concurrent, (runtime.GOMAXPROCS(0)+1)/2)
	setDefault(&o.ScramIterations, defaultIterations)
	h := &hasher{o: o, work: limit.NewWorkOf(o.Concurrent), queues: limit.NewGates(max(2, queuePerSlot*o.Concurrent/2))}
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

// asker is whom a hash is computed for.
type asker struct {
	key   limit.Key
	known bool // a device of the account's owner, as far as we know
}

// do computes a hash for somebody when it is his turn. With too many waiting it fails at once, so that a flood of logins is answered and not
// piled up. Strangers leave some places to those we know, one of them leaves half to the others, and whoever waits longest for his next turn
// gets it.
func (h *hasher) do(ctx context.Context, a asker, compute func()) error {
	leave, ok := h.queues.Enter(a.key)
	if !ok {
		return errTooManyLogins()
	}
	defer leave()
	most := int64(queuePerSlot * h.o.Concurrent)
	if !a.known {
		most = most * 3 / 4
	}
	if h.waiting.Add(1) > most {
		h.waiting.Add(-1)
		return errTooManyLogins()
	}
	waits := sync.OnceFunc(func() { h.waiting.Add(-1) })
	defer waits()
	err := h.work.DoUnless(ctx, a.key, func() {
		waits()
		compute()
	})
	if err != nil {
		return mail.Failed(mail.KindLoginLater, "the login was given up", err)
	}
	return nil
}

func errTooManyLogins() error {
	return mail.Refuse(mail.KindLoginLater, "too many logins at once, please try again later")
}

// make computes all that is kept of a password.
func (h *hasher) make(ctx context.Context, plain string, now time.Time) (*password, error) {
	prepared, err := sasl.PreparePassword(plain)
	if err != nil || len(plain) > maxPassword {
		return nil, mail.Refusef(mail.KindSyntax, "a password has no control characters and at most %d bytes", maxPassword)
	}
	p := &password{Argon: h.parameters(), Changed: now}
	var keys sasl.ScramKeys
	var failed error
	if err := h.do(ctx, asker{key: ownKey, known: true}, func() {
		p.Argon.Hash = p.Argon.compute(prepared)
		keys, failed = sasl.DeriveKeys(prepared, newSalt(saltLen), h.o.ScramIterations)
	}); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, mail.Failed(mail.KindInternal, "the password cannot be kept", failed)
	}
	p.Scram = scramRow{Salt: keys.Salt, Iterations: keys.Iterations, StoredKey: keys.StoredKey[:], ServerKey: keys.ServerKey[:]}
	return p, nil
}

// ownKey is for passwords that are set, which only those do whom we know.
const ownKey limit.Key = "set"

// check reports whether a password is right. Nobody's password (p is nil) costs the same and is never right.
func (h *hasher) check(ctx context.Context, a asker, p *password, plain string) (right bool, err error) {
	against := h.dummy
	if p != nil {
		against = p.Argon
	}
	err = h.do(ctx, a, func() {
		right = subtle.ConstantTimeCompare(against.compute(plain), against.Hash) == 1 && p != nil
	})
	return right, err
}

func (a *argonHash) compute(prepared string) []byte {
	return argon2.IDKey([]byte(prepared), a.Salt, a.Passes, a.MemoryKiB, a.Threads, hashLen)
}
