package torture

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/e2e/witness"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

// stages is how many concerts there are at a time, each on an account of its own.
const stages = 4

// TestConcert has clients of IMAP, POP3 and SMTP work on one account at the same time, again and again (POSTHORN_SEEDS times, 40
// otherwise), and compares what each was told with what all others were. POSTHORN_SEED is the first seed: a client's choices follow from
// the seed, when they are made does not.
func TestConcert(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of -short")
	}
	w, err := witness.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Sink.Close)
	m := onDisk(t, w, newDisk(vfs.NewMem()))
	m.must(m.start())
	_, err = m.app.Admin().AddDomain(t.Context(), adminapi.NewDomain{Name: "nord.test"})
	m.must(err)
	from, seeds := rig.Seed(t), uint64(rig.Setting(t, "POSTHORN_SEEDS", 40))
	var next, said atomic.Uint64
	var wg sync.WaitGroup
	for i := range stages {
		address := mail.Address{Local: fmt.Sprintf("stage%d", i), Domain: "nord.test"}
		_, err := m.app.Admin().AddAccount(t.Context(), adminapi.NewAccount{
			Addresses: []mail.Address{address}, Password: witness.Secret, Lang: text.EN,
		})
		m.must(err)
		wg.Go(func() {
			for n := next.Add(1) - 1; n < seeds && !t.Failed(); n = next.Add(1) - 1 {
				c, err := witness.Play(m.addr, address.String(), from+n)
				if err != nil {
					t.Errorf("POSTHORN_SEED=%d: %v", from+n, err)
				}
				said.Add(uint64(c.Said))
			}
		})
	}
	wg.Wait()
	t.Logf("%d concerts, %d answers compared", min(next.Load(), seeds), said.Load())
	m.sound()
	m.must(m.stop())
}
