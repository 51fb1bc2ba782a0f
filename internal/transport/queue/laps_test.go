package queue

import (
	"fmt"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// TestLapsComeLessOftenWhileThereIsEnough says what share of the time laps may take.
func TestLapsComeLessOftenWhileThereIsEnough(t *testing.T) {
	const concurrency = 16
	offer := func(w *window, domains int) {
		for i := range domains {
			r := ref{id: mail.MessageID{ID: mail.NewID(start)}}
			w.offer(dueRow{ref: r, due: start, urgent: start.Add(time.Hour), domain: mail.Domain(fmt.Sprintf("d%d.test", i))}, start)
		}
	}
	for name, tc := range map[string]struct {
		before func(w *window)
		want   time.Duration
	}{
		"nobody":         {func(*window) {}, 3 * time.Second},
		"few newcomers":  {func(w *window) { offer(w, concurrency-1) }, 3 * time.Second},
		"many newcomers": {func(w *window) { offer(w, concurrency) }, 10 * time.Second},
		"newcomers that must wait for the silent": {func(w *window) {
			offer(w, concurrency)
			w.busy[aside] = concurrency * asideShare
		}, 3 * time.Second},
		"many who answer": {func(w *window) {
			for i := range concurrency {
				w.dest(mail.Domain(fmt.Sprintf("d%d.test", i))).proven = true
			}
			offer(w, concurrency)
		}, 10 * time.Second},
	} {
		o := Options{Window: 1000, Concurrency: concurrency, PerDestination: 2, Destination: func(d mail.Domain) string { return string(d) }}
		r := runner{q: &Queue{win: newWindow(&o)}, pieceTook: time.Second}
		tc.before(&r.q.win)
		if got := r.pause(); got != tc.want {
			t.Errorf("%s: the next piece begins after %v, want %v", name, got, tc.want)
		}
	}
}
