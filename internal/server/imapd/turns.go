package imapd

import (
	"context"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// How much of what is expensive an account's connections do at a time; the others wait for their turn.
const (
	searchesAtOnce = 2 // searches that read bodies
	largeAtOnce    = 4 // messages of which a response holds more than largeFrom in memory
	largeFrom      = 64 << 10
	largeWait      = time.Minute
)

// turns lets a few of an account's sessions at a time do something. Its memory is bounded by the sessions that are there.
type turns struct {
	most int
	mu   sync.Mutex
	of   map[mail.AccountID]*turn // guarded by mu
}

type turn struct {
	taken chan struct{}
	users int // who have it or wait for it; guarded by turns.mu
}

func newTurns(most int) *turns { return &turns{most: most, of: map[mail.AccountID]*turn{}} }

// enter waits for a turn, which ends with leave; or until ctx ends, with its error.
func (t *turns) enter(ctx context.Context, id mail.AccountID) (leave func(), err error) {
	tn := t.join(id)
	select {
	case tn.taken <- struct{}{}:
		return func() {
			<-tn.taken
			t.part(id, tn)
		}, nil
	case <-ctx.Done():
		t.part(id, tn)
		return nil, ctx.Err()
	}
}

func (t *turns) join(id mail.AccountID) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	tn := t.of[id]
	if tn == nil {
		tn = &turn{taken: make(chan struct{}, t.most)}
		t.of[id] = tn
	}
	tn.users++
	return tn
}

func (t *turns) part(id mail.AccountID, tn *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tn.users--; tn.users == 0 {
		delete(t.of, id)
	}
}

// large waits for the account's turn to hold much in memory while a client takes a response: who reads nothing keeps that memory for as
// long as a write may take.
func (srv *Server) large(ctx context.Context, id mail.AccountID) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, largeWait)
	defer cancel()
	if leave, err = srv.larges.enter(ctx, id); err != nil {
		return nil, no("LIMIT", "too many large answers of this account are on their way")
	}
	return leave, nil
}
