package torture

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/e2e/witness"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

// duringSync is how long the last sync of a life goes on before the power fails.
const duringSync = 10 * time.Millisecond

// TestCrashOfTheMachine has the machine lose power again and again, each time at the n-th sync: what was synced is kept, of the
// rest a random part, block by block. Every fourth time it is while the server starts.
func TestCrashOfTheMachine(t *testing.T) {
	m := newMachine(t)
	from := rig.Seed(t)
	r := rand.New(rand.NewPCG(from, 1))
	n := rig.Setting(t, "POSTHORN_CRASHES", 8)
	for life := range n {
		m.crash(r, from+uint64(life), life%4 == 3)
		if life%100 == 99 {
			t.Logf("after %d crashes: %v", life+1, m.w.Figures())
		}
	}
	m.whole()
}

// crash is one life of the machine, up to the loss of power.
func (m *machine) crash(r *rand.Rand, seed uint64, early bool) {
	m.t.Helper()
	var left *vfs.MemFS
	power := vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 90}[r.IntN(3)], RNG: rand.New(rand.NewPCG(seed, 2))}
	lose := func() { left = m.disk.mem.CrashClone(power) }
	lost := make(chan struct{})
	var syncs atomic.Int64
	arm := func(n int64) {
		m.disk.set(func() {
			if syncs.Add(1) == n {
				// The power fails during this sync, not at its beginning: who says yes too early has the time to do so.
				time.Sleep(duringSync)
				m.w.End(lose)
				close(lost)
			}
		}, nil)
	}
	m.w.Begin()
	if early {
		arm(1 + r.Int64N(12))
		m.must(m.start())
		m.w.End(lose) // unless it was lost before
		m.must(m.stop())
	} else {
		m.must(m.start())
		if err := errors.Join(m.w.Audit(m.addr, witness.Quick), m.w.Listen(m)); err != nil {
			m.t.Fatal(err)
		}
		arm(1 + r.Int64N(150))
		round := m.w.Start(m.addr, seed, witness.UntilCut)
		select {
		case <-lost:
		case <-time.After(2 * patience):
			m.t.Error("the load makes no syncs")
			m.w.End(lose)
		}
		m.cancel()
		round.Cut()
		m.must(m.stop())
		m.must(m.w.Verdict())
	}
	m.w.Sink.Drained()
	m.disk = newDisk(left)
}
