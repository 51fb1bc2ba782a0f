package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/e2e/witness"
	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

// most is how many times at most clients are told yes before a kill.
const most = 200

// calm is how many lives there are to one that ends in peace: the clients have stopped, and the queue has told what it did.
const calm = 10

func kills(t *testing.T) int {
	if os.Getenv("CI") != "" {
		return rig.Setting(t, "POSTHORN_KILLS", 50)
	}
	return rig.Setting(t, "POSTHORN_KILLS", 5)
}

// TestKill kills the server while it works, and reads everything back each time.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary; left out of -short")
	}
	seed := rig.Seed(t)
	w, err := witness.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Sink.Close)
	n := newNode(t, w)
	l := &lives{n: n, w: w, r: rand.New(rand.NewPCG(seed, 1)), seed: seed}
	if err := l.first(); err != nil {
		t.Fatal(err)
	}
	for life := range kills(t) {
		err := l.one(life)
		if life%100 == 99 {
			t.Logf("after %d kills: %v", life+1, w.Figures())
		}
		if err != nil {
			t.Fatalf("life %d: %v", life, err)
		}
	}
	if err := l.last(); err != nil {
		t.Error(err)
	}
	t.Log(w.Figures())
	// The command fails, for there is no DNS here; what it says of the store counts.
	if out, _ := n.CLI("", "check"); !strings.Contains(out, "The store is whole.") {
		t.Errorf("check:\n%s", out)
	}
}

func newNode(t *testing.T, w *witness.Witness) *node.Node {
	o := node.Options{Hostname: "mx.nord.test", Domains: []string{"nord.test"}, Config: fmt.Sprintf(
		"trusted = [\"127.0.0.1/32\"]\n[dns]\nservers = [\"127.0.0.1:1\"]\n"+
			"[[route]]\ndomains = [\"sink.test\"]\nhost = %q\ntls = \"none\"\n", w.Sink.Addr())}
	for _, p := range witness.People() {
		o.Accounts = append(o.Accounts, node.Account{Address: p, Password: witness.Secret})
	}
	n, err := node.New(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log := n.Log()
			t.Logf("the end of the server's log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return n
}

// lives is the server's lives so far.
type lives struct {
	n    *node.Node
	w    *witness.Witness
	r    *rand.Rand
	seed uint64
}

// first makes the mailboxes, in peace.
func (l *lives) first() error {
	l.w.Begin()
	if err := l.n.Start(); err != nil {
		return err
	}
	if err := l.w.Prepare(l.n.Addr); err != nil {
		return errors.Join(err, l.n.Kill())
	}
	err := l.n.Stop()
	l.w.Sink.Drained()
	l.w.End(nil)
	return err
}

// one starts the server, compares, lets clients work, and kills it when they have been told yes so many times.
func (l *lives) one(life int) error {
	if life%4 == 3 {
		l.w.Begin()
		err := stillborn(l.n, time.Duration(l.r.IntN(300))*time.Millisecond)
		l.w.Sink.Drained()
		l.w.End(nil)
		return err
	}
	l.w.Begin()
	if err := l.n.Start(); err != nil {
		return err
	}
	if err := errors.Join(l.w.Audit(l.n.Addr, witness.Quick), l.w.Listen(administrator{l.n})); err != nil {
		return errors.Join(err, l.n.Kill())
	}
	round := l.w.Start(l.n.Addr, l.seed+uint64(life), witness.UntilCut)
	err := round.Await(1+l.r.IntN(most), 0)
	if life%calm == 2 {
		round.Finish()
		err = errors.Join(err, l.w.Calm(administrator{l.n}), l.n.Kill())
	} else {
		err = errors.Join(err, l.n.Kill())
		// What had been said before the kill may still be read, and counts.
		round.Cut()
	}
	l.w.Sink.Drained()
	l.w.End(nil)
	return errors.Join(err, l.w.Verdict())
}

// last compares everything, has the queue send all it has, and compares what arrived.
func (l *lives) last() error {
	l.w.Begin()
	if err := l.n.Start(); err != nil {
		return err
	}
	err := errors.Join(l.w.Audit(l.n.Addr, witness.Thorough), l.w.Settle(administrator{l.n}))
	return errors.Join(err, l.n.Stop())
}

// stillborn starts the server and kills it while it starts: a crash in the middle of recovering from a crash.
func stillborn(n *node.Node, after time.Duration) error {
	bin, err := node.Binary()
	if err != nil {
		return err
	}
	cmd := exec.Command(bin, "--config", filepath.Join(n.Dir, "posthorn.toml"), "serve")
	if err := cmd.Start(); err != nil {
		return err
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		return fmt.Errorf("it ended by itself: %w", err)
	}
	var killed *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &killed) || killed.Exited() {
		return fmt.Errorf("it ended by itself: %w", err)
	}
	return nil
}

// administrator works with the queue by the command line.
type administrator struct{ n *node.Node }

// Waiting implements witness.Office. A line tells the id, the sender and one address.
func (a administrator) Waiting() (map[string][]string, error) {
	out, err := a.n.CLI("", "queue", "list")
	waiting := map[string][]string{}
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 2 && len(words[0]) == 20 {
			waiting[words[0]] = append(waiting[words[0]], words[2])
		}
	}
	return waiting, err
}

// Stories implements witness.Office.
func (a administrator) Stories(most int) (map[string][]string, error) {
	out, err := a.n.CLI("", "journey", "--max", strconv.Itoa(most))
	stories := map[string][]string{}
	id := ""
	for line := range strings.Lines(out) {
		if rest, first := strings.CutPrefix(line, "Message "); first {
			id = strings.TrimSpace(rest)
			continue
		}
		stories[id] = append(stories[id], strings.TrimSpace(line))
	}
	return stories, err
}

// Retry implements witness.Office.
func (a administrator) Retry(ids []string) error {
	_, err := a.n.CLI("", append([]string{"queue", "retry"}, ids...)...)
	return err
}
