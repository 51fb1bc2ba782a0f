package directory

import (
	"bytes"
	"context"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// holds are the logins that sessions live on. One ends when the account's password is changed or taken away, or the account is switched
// off or deleted. Nothing is asked again and again: our own changes look at their account's logins, and a change by another node, of
// which only is known that there was one, at all of them.
type holds struct {
	mu sync.Mutex
	of map[mail.AccountID]map[*hold]struct{} // guarded by mu
}

type hold struct {
	salt []byte // of the password it was opened with: each password has its own
	end  func()
}

func (h *holds) add(id mail.AccountID, l *hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[id] == nil {
		h.of[id] = map[*hold]struct{}{}
	}
	h.of[id][l] = struct{}{}
}

func (h *holds) remove(id mail.AccountID, l *hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of[id], l)
	if len(h.of[id]) == 0 {
		delete(h.of, id)
	}
}

// take takes out an account's logins that a password does not fit; nil fits none.
func (h *holds) take(id mail.AccountID, p *password) []*hold {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*hold
	for l := range h.of[id] {
		if p == nil || !bytes.Equal(p.Argon.Salt, l.salt) {
			out = append(out, l)
			delete(h.of[id], l)
		}
	}
	if len(h.of[id]) == 0 {
		delete(h.of, id)
	}
	return out
}

func (h *holds) accounts() []mail.AccountID {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]mail.AccountID, 0, len(h.of))
	for id := range h.of {
		out = append(out, id)
	}
	return out
}

// OnEnd calls f once, and at the latest a second after, when the login that this session was last granted is worth nothing any more: at
// once if that is so already. F must be quick and ask the directory nothing. Stop must be called in the end; f may still run then.
func (l *LoginSession) OnEnd(ctx context.Context, f func()) (stop func()) {
	if l.granted == nil {
		return func() {}
	}
	id, h := l.granted.account.ID, &hold{salt: l.granted.password.Argon.Salt, end: f}
	l.d.holds.add(id, h)
	l.d.endLogins(ctx, id) // the password may have been changed since it was compared
	return func() { l.d.holds.remove(id, h) }
}

// endLogins ends those logins of accounts that are worth nothing any more.
func (d *Directory) endLogins(ctx context.Context, ids ...mail.AccountID) {
	r := d.reader()
	defer r.close()
	for _, id := range ids {
		p, err := r.granting(ctx, id)
		if err != nil {
			d.o.Log.WarnContext(ctx, "cannot see whether sessions must end", "account", id.String(), "err", err)
			return
		}
		for _, h := range d.holds.take(id, p) {
			h.end()
		}
	}
}

// granting is the password with which an account may log in; nil if there is none.
func (r *reader) granting(ctx context.Context, id mail.AccountID) (*password, error) {
	a, err := r.account(ctx, id)
	if err != nil || a == nil || a.Status != Active {
		return nil, err
	}
	return r.password(ctx, id)
}
