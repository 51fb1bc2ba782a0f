package demo

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

// narrator tells the story: the steps as they begin, and what the servers' journeys say as it happens.
type narrator struct {
	out  io.Writer
	lang text.Lang

	mu      sync.Mutex
	step    int           // guarded by mu
	heard   []heard       // guarded by mu
	told    int           // guarded by mu; how many of heard have been told
	live    bool          // guarded by mu; nothing is held back any more
	changed chan struct{} // guarded by mu; closed and replaced when something is heard

	watchers []*journey.Watcher
	ends     sync.WaitGroup
}

// heard is one event of one server.
type heard struct {
	server *server
	entry  journey.Entry
}

func newNarrator(out io.Writer, lang text.Lang) *narrator {
	return &narrator{out: out, lang: lang, changed: make(chan struct{})}
}

// watch tells what a server records from now on.
func (n *narrator) watch(s *server) {
	w := s.app.Journeys().Watch()
	n.watchers = append(n.watchers, w)
	n.ends.Go(func() {
		for e := range w.C() {
			n.hear(heard{s, e})
		}
	})
}

func (n *narrator) hear(h heard) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = append(n.heard, h)
	if n.live {
		n.tell()
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// tell tells what was heard since the last time in the order in which it happened: a server records the steps of an attempt when
// the attempt is over, and the other server is sooner. It wants mu held.
func (n *narrator) tell() {
	fresh := slices.Clone(n.heard[n.told:])
	n.told = len(n.heard)
	slices.SortStableFunc(fresh, func(a, b heard) int { return a.entry.Event.At.Compare(b.entry.Event.At) })
	for _, h := range fresh {
		at := h.entry.Event.At.Local().Format("15:04:05.000")
		n.printf("     %s  %-9s  %s\n", at, h.server.name, h.entry.Event.Say(n.lang))
	}
}

// goLive tells everything at once from now on.
func (n *narrator) goLive() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.live = true
	n.tell()
}

// close ends the watching.
func (n *narrator) close() {
	for _, w := range n.watchers {
		w.Close()
	}
	n.ends.Wait()
}

// patience is how long a step may take; it takes well under a second.
const patience = 30 * time.Second

// await waits until a server has recorded an event that fits, also if that was before, and gives it.
func (n *narrator) await(ctx context.Context, s *server, what text.Key, fits func(journey.Entry) bool) (journey.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	slow := time.NewTicker(time.Second)
	defer slow.Stop()
	for next := 0; ; {
		n.mu.Lock()
		all, changed := n.heard, n.changed
		n.mu.Unlock()
		for ; next < len(all); next++ {
			if all[next].server == s && fits(all[next].entry) {
				return all[next].entry, nil
			}
		}
		select {
		case <-changed:
		case <-slow.C:
			n.mu.Lock()
			n.tell()
			n.mu.Unlock()
		case <-ctx.Done():
			return journey.Entry{}, fmt.Errorf("%s: %w", text.Say(n.lang, what, s.name), ctx.Err())
		}
	}
}

// happened fits an event of a message by its kind and recipient.
func happened(k journey.Kind, id mail.MessageID, to person) func(journey.Entry) bool {
	return func(e journey.Entry) bool {
		return e.Event.Kind == k && (id.IsZero() || e.ID == id) && e.Event.Recipient == to.address.String()
	}
}

// printf writes to the terminal; if that is gone there is nobody to tell.
func (n *narrator) printf(format string, args ...any) { _, _ = fmt.Fprintf(n.out, format, args...) }

// begin tells that a step begins.
func (n *narrator) begin(k text.Key, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tell()
	n.step++
	n.printf("\n%d. %s\n", n.step, text.Say(n.lang, k, args...))
}

// say tells what a person's program found.
func (n *narrator) say(k text.Key, args ...any) { n.lines("     ", text.Say(n.lang, k, args...)) }

// quote shows a text between bars.
func (n *narrator) quote(s string) { n.lines("       | ", strings.TrimSpace(s)) }

func (n *narrator) lines(before, s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tell()
	for line := range strings.Lines(s) {
		n.printf("%s%s\n", before, strings.TrimRight(line, "\r\n"))
	}
}
