package mailbox

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// E-mails of which many lose their last place at once are only written down as dead, in the commit that takes the places. From then
// on they are in no listing, no quota and no answer. Their own rows, thread links and references to bodies are buried by later commits
// (bury.go). Until then whoever asks by an e-mail's id must ask whether it is dead, and whoever would join a thread has them buried first.

const (
	// deadFrom is from how many e-mails on a commit leaves its dead to later ones.
	deadFrom = 256
	// deadRun is how many e-mails one row names, and one commit buries.
	deadRun = 1024
	// mostDead bounds the e-mails of all accounts that wait to be buried, whose ids are in memory. Who makes more of them buries
	// his own account's first.
	mostDead = 1 << 18
)

// deadRow names e-mails that are dead; their ids ascend. It is never changed once made.
type deadRow struct {
	number uint64 // of the commit that took their places
	part   uint16
	ids    []mail.ID
}

func (r *deadRow) has(id mail.ID) bool {
	_, ok := slices.BinarySearchFunc(r.ids, id, mail.ID.Compare)
	return ok
}

func (r *deadRow) append(e enc) enc {
	e = append(e, rowVersion)
	for _, id := range r.ids {
		e = e.id(id)
	}
	return e
}

func decodeDead(key, value []byte) (*deadRow, error) {
	if len(key) != keyHead+8+2 || len(value) < 1+idLen {
		return nil, fmt.Errorf("decode row of the dead: %w", errRow)
	}
	r := &deadRow{number: binary.BigEndian.Uint64(key[keyHead:]), part: binary.BigEndian.Uint16(key[keyHead+8:])}
	d := newDec(value)
	r.ids = make([]mail.ID, 0, len(d.b)/idLen)
	for d.ok && len(d.b) > 0 {
		r.ids = append(r.ids, d.id())
	}
	if !slices.IsSortedFunc(r.ids, mail.ID.Compare) {
		d.fail()
	}
	return r, d.end("row of the dead")
}

// readDead reads an account's rows of the dead, in the order of their commits.
func readDead(ctx context.Context, v store.View, a mail.AccountID) ([]*deadRow, error) {
	var rows []*deadRow
	err := v.Scan(ctx, rowRange(a, rowDead), func(key, value []byte) (bool, error) {
		r, err := decodeDead(key, value)
		rows = append(rows, r)
		return true, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the dead: %w", err)
	}
	return rows, nil
}

// deadList is all of an account's.
type deadList []*deadRow

func (l deadList) has(id mail.ID) bool {
	return slices.ContainsFunc(l, func(r *deadRow) bool { return r.has(id) })
}

// count is the number of e-mails.
func (l deadList) count() int64 {
	n := int64(0)
	for _, r := range l {
		n += int64(len(r.ids))
	}
	return n
}

// with gives the list as an effect leaves it; l itself, which others may hold, stays as it is.
func (l deadList) with(ef *effect) deadList {
	if ef.buried != nil {
		l = slices.DeleteFunc(slices.Clone(l), func(r *deadRow) bool { return r.number == ef.buried.number && r.part == ef.buried.part })
	}
	if len(ef.dead) > 0 {
		l = append(slices.Clip(l), ef.dead...)
	}
	return l
}

// die takes the e-mails of places out that are gone already. Those that have other places live on.
func (t *txn) die(ctx context.Context, v store.View, m mail.MailboxID, sel []entry) error {
	ids := make([]mail.ID, 0, len(sel))
	var shared []entry
	for i := range sel {
		if sel[i].marks.has(markShared) {
			shared = append(shared, sel[i])
			continue
		}
		ids = append(ids, sel[i].email.ID)
		t.unused(int64(sel[i].size))
	}
	if len(shared) > 0 {
		err := t.eachEmail(ctx, v, shared, func(e *entry, row *emailRow) error {
			if !t.liveOn(m, e, row) {
				ids = append(ids, e.email.ID)
				t.unused(row.blob.Size)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(ids, mail.ID.Compare)
	t.writeDead(ids)
	return nil
}

// unused takes an e-mail off the quota.
func (t *txn) unused(size int64) {
	t.effect.row.used.Bytes -= size
	t.effect.row.used.Emails--
}

func (t *txn) writeDead(ids []mail.ID) {
	if len(ids) == 0 {
		return
	}
	var buf enc
	for run := range slices.Chunk(ids, deadRun) {
		r := &deadRow{number: t.number, part: uint16(len(t.effect.dead)), ids: run}
		k := deadKey(t.st.id, r)
		buf = r.append(buf[:0])
		t.batch.Set(k.bytes(), buf)
		t.effect.dead = append(t.effect.dead, r)
	}
	k := waitingKey(t.st.id)
	t.batch.Set(k.bytes(), []byte{rowVersion})
}

// dead gives the account's dead as of now, to be asked for before the rows are read whose e-mails may be among them: who is not
// named and has rows afterwards was alive when it was asked. It costs next to nothing while nobody is dead.
func (a *Account) dead(ctx context.Context) (deadList, error) {
	if a.svc.graves.total.Load() == 0 {
		return nil, nil
	}
	var l deadList
	err := a.look(ctx, func(im *image) error {
		l = im.dead
		return nil
	})
	return l, err
}

// viewLiving is view with the account's dead, who are not to be told of.
func (a *Account) viewLiving(ctx context.Context, fn func(v store.View, dead deadList) error) error {
	dead, err := a.dead(ctx)
	if err != nil {
		return err
	}
	return a.view(ctx, func(v store.View) error { return fn(v, dead) })
}

// graves knows which accounts have e-mails to be buried. It is locked under an account's show lock.
type graves struct {
	total atomic.Int64 // e-mails
	wake  chan struct{}

	mu       sync.Mutex
	accounts map[mail.AccountID]int64
}

func newGraves() graves {
	return graves{wake: make(chan struct{}, 1), accounts: map[mail.AccountID]int64{}}
}

// set notes how many dead an account has.
func (g *graves) set(a mail.AccountID, n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total.Add(n - g.accounts[a])
	if n == 0 {
		delete(g.accounts, a)
		return
	}
	g.accounts[a] = n
	select {
	case g.wake <- struct{}{}:
	default: // one is waiting already
	}
}

// waiting lists the accounts that have dead.
func (g *graves) waiting() []mail.AccountID {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.SortedFunc(maps.Keys(g.accounts), func(a, b mail.AccountID) int { return cmp.Compare(g.accounts[a], g.accounts[b]) })
}
