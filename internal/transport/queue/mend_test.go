package queue

import (
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// TestAClockThatWasAhead runs the queue for a while with a clock that is fourteen years ahead, as a machine without a battery may begin
// with, and then sets it right: with a restart, and without.
func TestAClockThatWasAhead(t *testing.T) {
	const ahead = 14 * 365 * 24 * time.Hour
	for name, setRight := range map[string]func(f *office){
		"restart": func(f *office) {
			f.close()
			f.clk = clock.NewFake(start)
			f.open()
			f.run()
		},
		"running": func(f *office) {
			f.clk.Set(start)
			f.q.mu.Lock()
			f.q.wake() // as the timer would, which runs by a clock that nobody sets
			f.q.mu.Unlock()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newOffice(t, Options{})
			held := f.message("held@z.test")
			held.Due = start.Add(20 * 24 * time.Hour)
			f.add(held)
			f.clk.Set(start.Add(ahead))
			f.run()
			f.jobs.set(dead)
			f.settled()
			f.jobs.attempts()
			f.expectRows(0) // with this clock the one to be sent later is much too old
			f.bells.notices()
			tried, later := f.message("tried@x.test", "tried@y.test"), f.message("later@z.test")
			later.Due = f.clk.Now().Add(24 * time.Hour)
			f.add(tried, later)
			f.settled()
			f.expect("attempts with the wrong clock", f.jobs.attempts(), []string{"tried@x.test", "tried@y.test"})

			setRight(f)
			f.jobs.set(dead)
			inTime := f.message("intime@w.test")
			inTime.Due = start.Add(10 * 24 * time.Hour)
			f.add(inTime)
			f.settled()
			f.expect("attempts once it is right", f.jobs.attempts(), []string{"tried@x.test", "tried@y.test"})
			f.advance(24*time.Hour, time.Hour)
			f.expect("the one for the next day", only(f.jobs.attempts(), "later@z.test", "intime@w.test"), []string{"later@z.test"})
			f.jobs.set(allOK)
			f.advance(5*time.Hour, time.Hour)
			f.expectRows(1)
			f.advance(9*24*time.Hour, 6*time.Hour)
			f.expectRows(0)
		})
	}
}

// only gives those that are among these, each once.
func only(seen []string, these ...string) (out []string) {
	for _, want := range these {
		for _, s := range seen {
			if s == want {
				out = append(out, s)
				break
			}
		}
	}
	return out
}
