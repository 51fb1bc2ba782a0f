package directory

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Options of a directory. Zero values are sensible.
type Options struct {
	Clock   clock.Clock
	Log     *slog.Logger
	MailLog *obs.MailLog // hears of every login, good or bad: servers need not log them again
	// Guard slows and locks logins after failures; nil for no such thing.
	Guard Guard
	// Hostname is this server's own name: postmaster@ and abuse@ it are taken, even if it is no domain of ours.
	Hostname mail.Domain
	// DefaultDomain completes login names without a domain; empty refuses them.
	DefaultDomain mail.Domain
	// Postmaster gets mail for postmaster@ and abuse@ of every domain that has no such address of its own; if it is zero, the
	// domain's catch-all, else the oldest account of the directory gets it.
	Postmaster mail.Address
	// Separator splits a subaddress (RFC 5233); 0 means '+'.
	Separator byte
	// Hash says how passwords are kept.
	Hash Hash
	// Births adds a new account's mailboxes to the commit that creates it; Deaths adds their removal to the commit that removes it.
	// Both run again on a conflict.
	Births func(b *store.Batch, a Account)
	Deaths func(ctx context.Context, b *store.Batch, id mail.AccountID) error
	// CacheBytes bounds the memory for look-ups; 0 means 32 MiB.
	CacheBytes int64
}

const defaultCacheBytes = 32 << 20

// Guard slows and locks logins; limit.Guard is one.
type Guard interface {
	// Wait returns nil when a login from the address for the account may be checked, after a delay if there were failures before; or
	// a fault of KindLoginLater while it is locked.
	Wait(ctx context.Context, remote netip.Addr, account string) error
	// Trusts reports whether there has been a login from the address to the account before, not too long ago.
	Trusts(remote netip.Addr, account string) bool
	// Failed and Succeeded tell how it ended.
	Failed(remote netip.Addr, account string)
	Succeeded(remote netip.Addr, account string)
}

// Directory is open until Close. It is safe for many goroutines.
type Directory struct {
	st       store.Store
	o        Options
	cache    *cache
	hasher   *hasher
	verified *verified
	holds    holds
	secret   []byte // the directory's own, for the salts of unknown users

	changing sync.Mutex // held while a change of ours is decided and committed, so that ours do not conflict with each other

	watcher store.Watcher
	stop    context.CancelFunc
	stopped chan struct{}
	foreign chan struct{} // signalled when a change of ours has met one made elsewhere
}

// Open reads what must be there and starts to listen to changes made elsewhere.
func Open(ctx context.Context, st store.Store, o Options) (*Directory, error) {
	o = withDefaults(o)
	d := &Directory{
		st: st, o: o, cache: newCache(o.CacheBytes), hasher: newHasher(o.Hash),
		verified: newVerified(o.Clock), stopped: make(chan struct{}), foreign: make(chan struct{}, 1),
		holds: holds{of: map[mail.AccountID]map[*hold]struct{}{}},
	}
	if err := d.openSecret(ctx); err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	d.watcher = st.Watch(partition)
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	go d.listen(listening)
	return d, nil
}

func withDefaults(o Options) Options {
	if o.Clock == nil {
		o.Clock = clock.Real()
	}
	if o.Log == nil {
		o.Log = obs.Discard()
	}
	if o.Guard == nil {
		o.Guard = open{}
	}
	if o.Separator == 0 {
		o.Separator = '+'
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.Births == nil {
		o.Births = func(*store.Batch, Account) {}
	}
	if o.Deaths == nil {
		o.Deaths = func(context.Context, *store.Batch, mail.AccountID) error { return nil }
	}
	return o
}

// open is the guard of a directory without one.
type open struct{}

func (open) Wait(context.Context, netip.Addr, string) error { return nil }
func (open) Trusts(netip.Addr, string) bool                 { return false }
func (open) Failed(netip.Addr, string)                      {}
func (open) Succeeded(netip.Addr, string)                   {}

// Close ends the listening. The store stays open.
func (d *Directory) Close() {
	d.stop()
	<-d.stopped
	d.watcher.Close()
}

// listen keeps the cache in step with commits of other nodes. Our own are heard of too and change nothing.
func (d *Directory) listen(ctx context.Context) {
	defer close(d.stopped)
	moves := d.cache.foreign()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.watcher.C():
		case <-d.foreign:
		}
		if err := d.refresh(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("cannot read the directory's number; look-ups may be old", "err", err)
		}
		if n := d.cache.foreign(); n != moves {
			moves = n
			d.endLogins(ctx, d.holds.accounts()...)
		}
	}
}

func (d *Directory) refresh(ctx context.Context) error {
	v, err := d.st.View(ctx)
	if err != nil {
		return err
	}
	defer v.Close()
	n, err := v.Number(ctx, partition)
	if err != nil {
		return err
	}
	d.cache.seen(n)
	return nil
}

const secretLen = 32

// openSecret reads the directory's secret, or makes it when the directory is opened for the first time.
func (d *Directory) openSecret(ctx context.Context) error {
	return d.change(ctx, func(t *tx) error {
		s, err := get(ctx, t, secretKey(), func(v []byte) (*[]byte, error) { return &v, nil })
		if err != nil {
			return err
		}
		if s != nil {
			d.secret = *s
			return nil
		}
		d.secret = make([]byte, secretLen)
		_, _ = rand.Read(d.secret) // never fails
		t.set(secretKey(), d.secret)
		return nil
	})
}
