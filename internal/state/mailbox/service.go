package mailbox

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

const (
	defaultCache   = 256 << 20
	defaultJournal = 1 << 16
	defaultBulk    = 1 << 15
	// maxIdle is how many accounts that nobody uses stay in memory.
	maxIdle = 4096
	// maxTries bounds how often an operation that met a conflict is tried.
	maxTries = 8
)

// Service keeps every account's mail in a store. It is safe for use by many goroutines.
type Service struct {
	st                      store.Store
	clock                   clock.Clock
	log                     *slog.Logger
	journal                 uint64
	overlayFrom, overlayRun int // as the constants say
	foldMost                int
	maxOverlays             uint64
	mostDead                int64
	deadFrom                int
	halvesFrom              int
	bulk                    int // messages that one commit takes out, copies or moves; more are several commits, each whole
	hubs                    hubs
	cache                   cache
	graves                  graves
	known                   atomic.Int64 // bytes of all accounts' filters
	memory                  sync.Pool    // of *memory

	mu       sync.Mutex // guards what follows
	accounts map[mail.AccountID]*state
	idle     list.List // *state: the accounts without a user, the longest idle first
}

// New makes a Service. The store stays the caller's.
func New(st store.Store, o Options) *Service {
	s := &Service{st: st, clock: o.Clock, log: o.Log, journal: o.Journal, bulk: defaultBulk,
		overlayFrom: overlayFrom, overlayRun: overlayRun, maxOverlays: maxOverlays, foldMost: foldMost, mostDead: mostDead, deadFrom: deadFrom, halvesFrom: halvesFrom,
		graves: newGraves(), accounts: map[mail.AccountID]*state{}}
	if s.clock == nil {
		s.clock = clock.Real()
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.journal == 0 {
		s.journal = defaultJournal
	}
	s.cache.limit = o.CacheBytes
	if s.cache.limit == 0 {
		s.cache.limit = defaultCache
	}
	return s
}

// Close forgets everything in memory. Operations under way are finished by their callers; no call may follow.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.accounts)
	s.idle.Init()
}

// acquire gives an account, loaded; it must be released.
func (s *Service) acquire(ctx context.Context, id mail.AccountID) (*state, error) {
	for {
		st, mine := s.reserve(id)
		if mine {
			st.err = st.load(ctx)
			close(st.loaded)
			if st.err != nil {
				s.forget(st)
				return nil, st.err
			}
			return st, nil
		}
		again, err := s.await(ctx, st)
		if err != nil {
			s.release(st)
			return nil, err
		}
		if !again {
			return st, nil
		}
		s.forget(st)
	}
}

// await waits until an account that another loads is there; again says that it is stale and must be forgotten.
func (s *Service) await(ctx context.Context, st *state) (again bool, err error) {
	select {
	case <-st.loaded:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if st.err != nil {
		// The loader's context may have ended, which is nothing to us.
		if errors.Is(st.err, context.Canceled) || errors.Is(st.err, context.DeadlineExceeded) {
			return true, nil
		}
		return false, st.err
	}
	if !st.stale() {
		return false, nil
	}
	select {
	case <-st.drained: // what was before the failed commit must be visible in the store first
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// reserve finds an account or puts in one that the caller must load.
func (s *Service) reserve(id mail.AccountID) (st *state, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.accounts[id]
	if !ok {
		st = newState(s, id)
		s.accounts[id] = st
	} else if st.idle != nil {
		s.idle.Remove(st.idle)
		st.idle = nil
	}
	st.refs++
	return st, !ok
}

// forget takes an account that is stale or not there out of memory, and releases it.
func (s *Service) forget(st *state) {
	s.mu.Lock()
	if s.accounts[st.id] == st {
		s.evict(st)
	}
	s.mu.Unlock()
	s.release(st)
}

func (s *Service) release(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.refs--
	if st.refs > 0 || s.accounts[st.id] != st {
		return
	}
	st.idle = s.idle.PushBack(st)
	if s.idle.Len() > maxIdle {
		s.evict(s.idle.Front().Value.(*state))
	}
}

// evict takes an account out of memory. The caller holds mu.
func (s *Service) evict(st *state) {
	delete(s.accounts, st.id)
	if st.idle != nil {
		s.idle.Remove(st.idle)
		st.idle = nil
	}
	s.dropIndexes(st)
	st.unlearn(st.known.Load())
}

// dropIndexes takes an account's indexes off the cache's account.
func (s *Service) dropIndexes(st *state) {
	st.show.Lock()
	n := st.indexBytes()
	s.cache.remove(st.indexes)
	st.indexes = map[mail.MailboxID]*slot{}
	st.show.Unlock()
	s.cache.grow(-n)
}

// fault makes what the store or we failed with fit for the caller.
func fault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return mail.Failed(mail.KindUnavailable, "the operation was ended", err)
	case errors.Is(err, store.ErrFull):
		return mail.Failed(mail.KindDiskFull, "there is no room to store anything now", err)
	case errors.Is(err, store.ErrFailed), errors.Is(err, store.ErrClosed):
		return mail.Failed(mail.KindUnavailable, "the mail store is not available", err)
	case errors.Is(err, store.ErrConflict):
		return mail.Failed(mail.KindConflict, "somebody else changed the same at the same time", err)
	}
	if _, ok := errors.AsType[*mail.Fault](err); ok {
		return err
	}
	return mail.Failed(mail.KindInternal, "the mail store failed", err)
}
