package imapd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// believer is a client that believes what it is told: it keeps the mailbox as the untagged responses say it is, and
// fails when they cannot be.
type believer struct {
	*peer
	rnd  *rand.Rand
	msgs []*believed
	tag  int
}

type believed struct {
	uid   string
	flags []string // sorted; nil if not told yet
}

var fetchLine = regexp.MustCompile(`^\* (\d+) FETCH \((.*)\)$`)

// hear takes one response. mayExpunge says whether an EXPUNGE is allowed now.
func (b *believer) hear(l string, mayExpunge bool) {
	b.t.Helper()
	f := strings.Fields(l)
	if len(f) < 3 || f[0] != "*" {
		return
	}
	n, err := strconv.Atoi(f[1])
	if err != nil {
		return
	}
	switch f[2] {
	case "EXISTS":
		if n < len(b.msgs) {
			b.t.Fatalf("%q, and there were %d before", l, len(b.msgs))
		}
		for len(b.msgs) < n {
			b.msgs = append(b.msgs, &believed{})
		}
	case "EXPUNGE":
		if !mayExpunge || n < 1 || n > len(b.msgs) {
			b.t.Fatalf("%q of %d messages, allowed: %v", l, len(b.msgs), mayExpunge)
		}
		b.msgs = slices.Delete(b.msgs, n-1, n)
	case "FETCH":
		if n < 1 || n > len(b.msgs) {
			b.t.Fatalf("%q of %d messages", l, len(b.msgs))
		}
		m := b.msgs[n-1]
		items := fetchLine.FindStringSubmatch(l)[2]
		if _, rest, ok := strings.Cut(items, "UID "); ok {
			uid, _, _ := strings.Cut(rest, " ")
			if m.uid != "" && m.uid != uid {
				b.t.Fatalf("%q, and message %d had UID %s", l, n, m.uid)
			}
			m.uid = uid
		}
		if _, rest, ok := strings.Cut(items, "FLAGS ("); ok {
			list, _, _ := strings.Cut(rest, ")")
			m.flags = slices.Sorted(slices.Values(append([]string{}, strings.Fields(list)...)))
		}
	}
}

// do runs a command and hears its responses.
func (b *believer) do(command string) {
	b.t.Helper()
	b.tag++
	tag := fmt.Sprintf("t%d", b.tag)
	verb, _, _ := strings.Cut(command, " ")
	b.send(tag + " " + command)
	for _, l := range b.until(tag + " ") {
		b.hear(l, verb != "FETCH" && verb != "STORE" && verb != "SEARCH")
		if strings.HasPrefix(l, tag+" BAD") {
			b.t.Fatalf("%s: %s", command, l)
		}
	}
}

// anything runs a random command.
func (b *believer) anything() {
	b.t.Helper()
	if len(b.msgs) == 0 {
		b.do("APPEND INBOX {6+}\r\na: b\r\n")
		return
	}
	if len(b.msgs) > 8 { // few messages meet more often
		b.do(`STORE 1:5 +FLAGS (\Deleted)`)
		b.do("EXPUNGE")
		return
	}
	from := 1 + b.rnd.IntN(len(b.msgs))
	to := min(from+b.rnd.IntN(4), len(b.msgs))
	set := fmt.Sprintf("%d:%d", from, to)
	switch b.rnd.IntN(12) {
	case 0, 1:
		b.do("APPEND INBOX {6+}\r\na: b\r\n")
	case 2:
		b.do("NOOP")
	case 3, 4, 5:
		b.store(from, to)
	case 6:
		b.do("STORE " + set + ` +FLAGS (\Deleted)`)
	case 7:
		b.do("EXPUNGE")
	case 8:
		b.do("FETCH " + set + " (FLAGS)")
	case 9:
		b.do("COPY " + set + " INBOX")
	case 10:
		b.do("UID FETCH 1:* (FLAGS)")
	case 11:
		if b.rnd.IntN(3) == 0 {
			b.do("MOVE " + set + " Archive")
			return
		}
		b.do("SEARCH " + set)
	}
}

// store changes flags and, if it is done silently, believes that they are changed.
func (b *believer) store(from, to int) {
	b.t.Helper()
	flags := []string{`\Seen`, `\Flagged`, `\Answered`, "one", "two"}
	b.rnd.Shuffle(len(flags), func(i, j int) { flags[i], flags[j] = flags[j], flags[i] })
	flags = flags[:1+b.rnd.IntN(2)]
	op := []string{"", "+", "-"}[b.rnd.IntN(3)]
	silent := b.rnd.IntN(3) > 0
	name := op + "FLAGS"
	if silent {
		name += ".SILENT"
		for _, m := range b.msgs[from-1 : to] {
			if m.flags == nil && op != "" {
				continue // not known before, not known after
			}
			has := append([]string{}, m.flags...)
			switch op {
			case "":
				has = append([]string{}, flags...)
			case "+":
				has = append(has, flags...)
			case "-":
				has = slices.DeleteFunc(has, func(f string) bool { return slices.Contains(flags, f) })
			}
			m.flags = slices.Compact(slices.Sorted(slices.Values(has)))
			if m.flags == nil {
				m.flags = []string{}
			}
		}
	}
	b.do(fmt.Sprintf("STORE %d:%d %s (%s)", from, to, name, strings.Join(flags, " ")))
}

// check holds what the client believes to what the server says.
func (b *believer) check() {
	b.t.Helper()
	b.do("NOOP")
	believes := make([]believed, len(b.msgs))
	for i, m := range b.msgs {
		believes[i] = *m
	}
	b.do("FETCH 1:* (UID FLAGS)")
	if len(b.msgs) != len(believes) {
		b.t.Fatalf("%d messages, believed were %d", len(b.msgs), len(believes))
	}
	for i, m := range b.msgs {
		was := believes[i]
		if was.uid != "" && was.uid != m.uid || was.flags != nil && !slices.Equal(was.flags, m.flags) {
			b.t.Fatalf("message %d is %v, believed was %v", i+1, *m, was)
		}
	}
}

// TestClientsBelieveWhatIsTrue lets several clients change one mailbox, in turns and at the same time.
//
// POSTHORN_SEEDS is how many different worlds are tried, one if it is not set.
func TestClientsBelieveWhatIsTrue(t *testing.T) {
	seeds, _ := strconv.ParseUint(os.Getenv("POSTHORN_SEEDS"), 10, 32)
	for seed := range max(seeds, 1) {
		for _, mode := range []string{"rev1", "condstore"} {
			t.Run(fmt.Sprintf("%s %d", mode, seed), func(t *testing.T) { clientsBelieve(t, mode, seed) })
		}
	}
}

func clientsBelieve(t *testing.T, mode string, seed uint64) {
	const clients, rounds, steps = 3, 20, 40
	s := start(t, Options{})
	var all []*believer
	for i := range clients {
		b := &believer{peer: s.login(t), rnd: rand.New(rand.NewPCG(7+seed, uint64(i)))}
		if mode == "condstore" {
			b.do("ENABLE CONDSTORE")
		}
		b.do("SELECT INBOX")
		all = append(all, b)
	}
	turns := rand.New(rand.NewPCG(1+seed, 1))
	for range rounds {
		for range steps {
			all[turns.IntN(clients)].anything()
		}
		for _, b := range all {
			b.check()
		}
		var wg sync.WaitGroup
		for _, b := range all {
			wg.Go(func() {
				for range steps {
					b.anything()
				}
			})
		}
		wg.Wait()
		for _, b := range all {
			b.check()
		}
	}
	first := all[0].msgs
	for _, b := range all[1:] {
		if !slices.EqualFunc(first, b.msgs, func(x, y *believed) bool { return x.uid == y.uid && slices.Equal(x.flags, y.flags) }) {
			t.Error("the clients do not agree")
		}
	}
}
