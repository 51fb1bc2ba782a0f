package mailbox

import (
	"context"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Watcher hears of changes, once they are durable and visible. An idle one costs its own memory and nothing else.
type Watcher struct {
	c       chan struct{}
	hubs    *hubs
	account mail.AccountID
	mailbox mail.MailboxID // zero: the whole account
	call    func()         // called instead of signalling, if not nil; guarded by the hub's lock
}

// C is signalled (never closed, capacity 1) when something changed and is visible; several changes may be one signal.
func (w *Watcher) C() <-chan struct{} { return w.c }

// Close ends the watcher.
func (w *Watcher) Close() { w.hubs.remove(w) }

// OnChange makes the watcher call f, which must be quick, instead of signalling C, until the function it returns is called; at once
// if C was signalled already. f may be called once more while that runs. It costs no goroutine.
func (w *Watcher) OnChange(f func()) (stop func()) {
	w.set(f)
	select {
	case <-w.c:
		f()
	default:
	}
	return func() { w.set(nil) }
}

func (w *Watcher) set(f func()) {
	hb := w.hubs.of(w.account)
	if hb == nil {
		return
	}
	hb.mu.Lock()
	defer hb.mu.Unlock()
	w.call = f
}

// signal is called under the hub's lock.
func (w *Watcher) signal() {
	if w.call != nil {
		w.call()
		return
	}
	select {
	case w.c <- struct{}{}:
	default: // one is waiting already
	}
}

// hubs are the watchers of all accounts. They are locked under an account's show lock.
type hubs struct {
	mu  sync.RWMutex
	set map[mail.AccountID]*hub
}

// hub is one account's watchers, by mailbox; the zero id is for those of the whole account.
type hub struct {
	mu       sync.Mutex
	watchers map[mail.MailboxID]map[*Watcher]struct{}
}

func (h *hubs) watch(a mail.AccountID, m mail.MailboxID) *Watcher {
	w := &Watcher{c: make(chan struct{}, 1), hubs: h, account: a, mailbox: m}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.set == nil {
		h.set = map[mail.AccountID]*hub{}
	}
	hb := h.set[a]
	if hb == nil {
		hb = &hub{watchers: map[mail.MailboxID]map[*Watcher]struct{}{}}
		h.set[a] = hb
	}
	hb.mu.Lock()
	defer hb.mu.Unlock()
	if hb.watchers[m] == nil {
		hb.watchers[m] = map[*Watcher]struct{}{}
	}
	hb.watchers[m][w] = struct{}{}
	return w
}

func (h *hubs) remove(w *Watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hb := h.set[w.account]
	if hb == nil {
		return
	}
	hb.mu.Lock()
	defer hb.mu.Unlock()
	delete(hb.watchers[w.mailbox], w)
	if len(hb.watchers[w.mailbox]) == 0 {
		delete(hb.watchers, w.mailbox)
	}
	if len(hb.watchers) == 0 {
		delete(h.set, w.account)
	}
}

func (h *hubs) of(a mail.AccountID) *hub {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.set[a]
}

// signal tells those whom a commit concerns.
func (h *hubs) signal(a mail.AccountID, ef *effect) {
	hb := h.of(a)
	if hb == nil {
		return
	}
	hb.mu.Lock()
	defer hb.mu.Unlock()
	hb.tell(mail.MailboxID{})
	for i := range ef.counts {
		hb.tell(ef.counts[i].mailbox)
	}
	for _, id := range ef.gone {
		hb.tell(id)
	}
}

// signalAll tells everybody who watches the account to look.
func (h *hubs) signalAll(a mail.AccountID) {
	hb := h.of(a)
	if hb == nil {
		return
	}
	hb.mu.Lock()
	defer hb.mu.Unlock()
	for m := range hb.watchers {
		hb.tell(m)
	}
}

func (hb *hub) tell(m mail.MailboxID) {
	for w := range hb.watchers[m] {
		w.signal()
	}
}

// Watch hears of every later change to the account. The watcher must be closed.
func (a *Account) Watch(_ context.Context) (*Watcher, error) {
	return a.svc.hubs.watch(a.id, mail.MailboxID{}), nil
}
