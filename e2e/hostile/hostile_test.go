package hostile

import (
	"sync"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/interop/node"
)

// attack is one way to be a nuisance. Run returns when the attacker has gone.
type attack struct {
	name string
	run  func(t *testing.T, v *victim)
	// extra bounds the memory it may cost, in MiB beyond what the server had before.
	extra int64
}

func attacks() []attack {
	return []attack{
		{"silent connections", silentConnections, 400},
		{"connection churn", connectionChurn, 150},
		{"half-open handshakes", halfOpenHandshakes, 150},
		{"handshake flood", handshakeFlood, 150},
		{"handshakes left at their end", handshakesLeft, 150},
		{"tiny TLS records", tinyRecords, 100},
		{"STARTTLS and silence", startTLSAndSilence, 150},
		{"garbage on every port", garbageEverywhere, 150},
		{"PROXY garbage", proxyGarbage, 100},
		{"stalled PROXY headers", stalledProxy, 150},
		{"slow DATA", slowData, 300},
		{"endless lines", endlessLines, 150},
		{"endless headers", endlessHeaders, 200},
		{"large headers at once", largeHeaders, 500},
		{"monstrous messages", monstrousMessages, 300},
		{"thousands of parts at once", manyPartsAtOnce, 400},
		{"commands without end", commandsWithoutEnd, 100},
		{"recipients without end", recipientsWithoutEnd, 100},
		{"long parameters", longParameters, 100},
		{"aliases in circles", aliasesInCircles, 100},
		{"a bomb of success notices", successBomb, 150},
		{"logins guessed", loginFlood, 200},
		{"literals that never come", literalsThatNeverCome, 200},
		{"IMAP grammar", imapGrammar, 200},
		{"a million keywords", millionKeywords, 150},
		{"mailboxes without end", mailboxesWithoutEnd, 150},
		{"answers nobody reads", answersNobodyReads, 400},
		{"searches through bombs", searchBombs, 300},
		{"bombs decoded by FETCH", binaryBombs, 300},
		{"APPEND over quota", appendOverQuota, 200},
		{"POP3 abuse", pop3Abuse, 100},
		{"metrics slowloris", metricsSlowloris, 100},
		{"admin garbage", adminGarbage, 100},
	}
}

// aMoment is what an honest client may wait at worst while an attack goes on: the bound of a busy machine, not an aim.
const aMoment = 20 * time.Second

// TestAttacks runs every attack against one server, one after the other, beside honest clients.
func TestAttacks(t *testing.T) {
	v := startVictim(t, node.Options{Accounts: []node.Account{account("honest"), account("evil"), account("poor"), account("bomb")}})
	v.prepare(t)
	h := startHelper(t, v)
	if err := stepBack(); err != nil {
		t.Logf("the attackers share the processors with the server: %v", err)
	}
	r := h.atRest(t, time.Second)
	calm, _ := r.figures()
	t.Logf("%-28s rss %3d MiB; %s", "(at rest)", v.rss()>>20, calm)
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) { v.survive(t, h, a) })
	}
}

// For how long, in full size, an attack is repeated and the honest clients are watched without it, before and after: a p99 is worth nothing
// over a few of them.
const (
	attackFor = 10 * time.Second
	restFor   = 3 * time.Second
)

func (v *victim) survive(t *testing.T, h *helper, a attack) {
	var rest report
	if long {
		rest = h.atRest(t, restFor)
	}
	calm, before := v.atRest(t, 0), v.rss()
	peak := v.watch()
	cpu := v.cpu()
	var r report
	var took time.Duration
	times := 0
	for again := true; again; again = long && took < attackFor && !t.Failed() {
		v.atRest(t, calm+20) // what the one before has left behind
		must(t, h.begin())
		began := time.Now()
		t.Run("attack", func(t *testing.T) { // what it opens is closed when it ends
			for more := true; more; more = long && time.Since(began) < time.Second && !t.Failed() {
				a.run(t, v)
				times++
			}
		})
		took += time.Since(began)
		one, err := h.end()
		must(t, err)
		r.add(&one)
	}
	took = took.Round(time.Millisecond)
	cpu = v.cpu() - cpu
	figures, worst := r.figures()
	most := peak()
	after := v.atRest(t, calm+20)
	t.Logf("%-28s %8v (%d times), cpu %v; rss %d -> %d MiB; goroutines %d -> %d; %s", a.name, took, times, cpu, before>>20, most>>20, calm, after, figures)
	if long {
		again := h.atRest(t, restFor)
		rest.add(&again)
		calm, _ := rest.figures()
		t.Logf("%-28s %s; %s", "(before and after)", calm, r.times(&rest))
	}
	for _, err := range r.Failed {
		t.Errorf("an honest client was not served: %v", err)
	}
	if worst > aMoment {
		t.Errorf("an honest client waited %v", worst)
	}
	if most-before > a.extra<<20 {
		t.Errorf("memory rose by %d MiB, the bound is %d", (most-before)>>20, a.extra)
	}
}

// atRest waits until the server has no more goroutines than most (zero: any number) and gives how many it has.
func (v *victim) atRest(t *testing.T, most int) int {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		n, err := v.goroutines()
		if err != nil {
			t.Fatalf("ask for goroutines: %v", err)
		}
		if most == 0 || n <= most {
			return n
		}
		if time.Now().After(deadline) {
			t.Errorf("%d goroutines stay, more than %d", n, most)
			return n
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // there is no event to wait for in another process
	}
}

// crowd runs n attackers at once and waits for all.
func crowd(n int, one func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { one(i) })
	}
	wg.Wait()
}
