package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/interop/node"
)

const (
	sender   = "load@elsewhere.test"
	password = "geheim-12345"
	sessions = 6
	// most is how many letters at most are accepted before a kill.
	most = 60
)

func people() []string {
	return []string{"anna@nord.test", "berta@nord.test", "carl@nord.test", "dora@nord.test"}
}

func outside() []string { return []string{"x@sink.test", "y@sink.test"} }

// kills is how often the server is killed.
func kills(t *testing.T) int {
	if s := os.Getenv("POSTHORN_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if os.Getenv("CI") != "" {
		return 50
	}
	return 5
}

// TestKill kills the server while it takes mail, and then reads everything back.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary; left out of -short")
	}
	// The next server is not there until the end: what is for it stays in the queue over all the crashes.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sinkAddr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	o := node.Options{Hostname: "mx.nord.test", Domains: []string{"nord.test"}, Config: config(sinkAddr)}
	for _, p := range people() {
		o.Accounts = append(o.Accounts, node.Account{Address: p, Password: password})
	}
	n, err := node.New(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log := n.Log()
			t.Logf("the end of the server's log:\n%s", log[max(0, len(log)-8000):])
		}
	})
	l := newLedger()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for life := range kills(t) {
		if life%4 == 3 {
			if err := stillborn(n, time.Duration(r.IntN(300))*time.Millisecond); err != nil {
				t.Fatalf("life %d: %v", life, err)
			}
			continue
		}
		if err := oneLife(n, l, life, 1+r.IntN(most)); err != nil {
			t.Fatalf("life %d: %v", life, err)
		}
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	readBack(t, n, l, sinkAddr)
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	// The command fails, for there is no DNS here; what it says of the store counts.
	if out, _ := n.CLI("", "check"); !strings.Contains(out, "The store is whole.") {
		t.Errorf("check:\n%s", out)
	}
}

func config(sinkAddr string) string {
	return fmt.Sprintf("trusted = [\"127.0.0.1/32\"]\n[dns]\nservers = [\"127.0.0.1:1\"]\n"+
		"[[route]]\ndomains = [\"sink.test\"]\nhost = %q\ntls = \"none\"\n", sinkAddr)
}

// oneLife starts the server, pours letters in over several sessions, and kills it when so many have been accepted.
func oneLife(n *node.Node, l *ledger, life, accepted int) error {
	if err := n.Start(); err != nil {
		return err
	}
	var count atomic.Int64
	enough := make(chan struct{})
	ended := make(chan struct{})
	errs := make([]error, sessions)
	var wg sync.WaitGroup
	for s := range sessions {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(life), uint64(s)))
			errs[s] = pour(n.Addr("smtp"), l, r, fmt.Sprintf("l%ds%d", life, s), func() {
				if count.Add(1) == int64(accepted) {
					close(enough)
				}
			})
		})
	}
	go func() {
		wg.Wait()
		close(ended)
	}()
	var early error
	select {
	case <-enough:
	case <-ended: // every session ended before the kill: something is wrong
		early = errors.New("the sessions ended by themselves")
	case <-time.After(patience):
		early = errors.New("the server takes no letters")
	}
	if err := n.Kill(); err != nil {
		return err
	}
	wg.Wait()
	if early != nil {
		return errors.Join(early, errors.Join(errs...))
	}
	return nil
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

// pour sends letters until the connection breaks.
func pour(addr string, l *ledger, r *rand.Rand, name string, accepted func()) error {
	s, err := dialSMTP(addr)
	if err != nil {
		return err
	}
	defer s.close()
	for i := 0; ; i++ {
		x, text := write(r, fmt.Sprintf("%si%d", name, i), people(), outside())
		l.sent(x)
		id, err := s.send(x, text)
		if err != nil {
			return err
		}
		l.accepted(x, id)
		accepted()
	}
}

// copies is what was found of a letter: in how many copies for each recipient.
type copies map[string]map[string]int

func (c copies) add(token, recipient string) {
	if c[token] == nil {
		c[token] = map[string]int{}
	}
	c[token][recipient]++
}

// readBack reads mailboxes and queue and compares them with the ledger.
func readBack(t *testing.T, n *node.Node, l *ledger, sinkAddr string) {
	found := copies{}
	for _, p := range people() {
		readMailbox(t, n, l, p, found)
	}
	queued := queueIDs(t, n)
	for _, x := range l.letters {
		if x.id != "" && len(x.remote) > 0 && !slices.Contains(queued, x.id) {
			t.Errorf("letter %s (%s) got its 250, and is not in the queue", x.token, x.id)
		}
	}
	relayAll(t, n, l, sinkAddr, queued, found)
	acknowledged := 0
	for _, x := range l.letters {
		if x.id != "" {
			acknowledged++
		}
		compare(t, x, found[x.token])
	}
	for token := range found {
		if l.letters[token] == nil {
			t.Errorf("letter %q was never sent", token)
		}
	}
	t.Logf("%d letters sent, %d accepted, %d in the queue", len(l.letters), acknowledged, len(queued))
}

// compare holds a letter to its promise: all recipients once if it got its 250, all once or none at all otherwise.
func compare(t *testing.T, x *letter, found map[string]int) {
	if x.id == "" && len(found) == 0 {
		return
	}
	for _, to := range append(append([]string(nil), x.local...), x.remote...) {
		if found[to] != 1 {
			t.Errorf("letter %s (id %q): %d copies for %s; all: %v", x.token, x.id, found[to], to, found)
		}
		delete(found, to)
	}
	if len(found) > 0 {
		t.Errorf("letter %s is with people it was not for: %v", x.token, found)
	}
}

func readMailbox(t *testing.T, n *node.Node, l *ledger, person string, found copies) {
	count := 0
	err := pop3All(n.Addr("pop3s"), person, password, func(message []byte) {
		count++
		token, digest, err := read(message)
		if err != nil {
			t.Errorf("mailbox of %s: %v", person, err)
			return
		}
		if x := l.letters[token]; x != nil && x.digest != digest {
			t.Errorf("letter %s in the mailbox of %s is not what was sent", token, person)
		}
		found.add(token, person)
	})
	if err != nil {
		t.Errorf("read the mailbox of %s: %v", person, err)
	}
	uids, next, err := imapUIDs(n.Addr("imaps"), person, password)
	if err != nil {
		t.Errorf("read the UIDs of %s: %v", person, err)
	}
	if len(uids) != count {
		t.Errorf("IMAP knows %d messages of %s, POP3 %d", len(uids), person, count)
	}
	for i, uid := range uids {
		if i > 0 && uid <= uids[i-1] || uid >= next {
			t.Errorf("UIDs of %s do not rise up to UIDNEXT %d: %v", person, next, uids)
			break
		}
	}
}

func queueIDs(t *testing.T, n *node.Node) []string {
	t.Helper()
	out, err := n.CLI("", "queue", "list")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line := range strings.Lines(out) {
		if id := idPattern.FindString(line); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// relayAll puts the next server up and has the queue try everything now.
func relayAll(t *testing.T, n *node.Node, l *ledger, addr string, ids []string, found copies) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := &sink{ln: ln, got: map[string][]arrival{}, heard: make(chan struct{}, 1)}
	go s.serve()
	deadline := time.Now().Add(2 * patience)
	for left := ids; len(left) > 0; left = queueIDs(t, n) {
		if time.Now().After(deadline) {
			t.Errorf("%d letters arrived at the next server, and %d of %d are still in the queue", s.total(), len(left), len(ids))
			break
		}
		// What is not in the queue any more when its turn comes has been relayed meanwhile; the rest is asked for again.
		_, _ = n.CLI("", append([]string{"queue", "retry"}, left[:min(len(left), 100)]...)...)
		select {
		case <-s.heard:
		case <-time.After(time.Second):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, arrivals := range s.got {
		for _, a := range arrivals {
			if x := l.letters[token]; x != nil && x.digest != a.digest {
				t.Errorf("letter %s arrived at %s as another", token, a.to)
			}
			found.add(token, a.to)
		}
	}
}
