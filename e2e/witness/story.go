package witness

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Office is where the server's administrator sees what waits and what became of each message.
type Office interface {
	// Waiting gives the ids of what waits in the queue, each with the addresses that it waits for.
	Waiting() (map[string][]string, error)
	// Retry has the queue try some of it now.
	Retry(ids []string) error
	// Stories gives the newest stories that the server tells of messages, at most so many, by id: one sentence for each event.
	Stories(most int) (map[string][]string, error)
}

// fewStories is how many stories are read where only the last life counts, and allStories where everything does.
const (
	fewStories = 400
	allStories = 1_000_000
)

// Listen has the server tell the stories of what it accepted lately and compares them with what is known. The queue may run meanwhile.
func (w *Witness) Listen(o Office) error {
	if err := w.listen(o, fewStories); err != nil {
		return err
	}
	return w.Verdict()
}

func (w *Witness) listen(o Office, most int) error {
	w.mu.Lock()
	var fresh []*letter
	for _, x := range w.letters {
		if x.acked && !x.heard && x.id != "" {
			fresh = append(fresh, x)
		}
	}
	w.mu.Unlock()
	// Waiting comes first: what waits no longer then must be told as handed over afterwards.
	waiting, err := o.Waiting()
	if err != nil {
		return err
	}
	stories, err := o.Stories(max(most, 2*len(fresh)))
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Sink.mu.Lock()
	defer w.Sink.mu.Unlock()
	for _, x := range w.letters {
		if story, there := stories[x.id]; there && x.acked {
			w.believe(x, story, waiting[x.id])
		}
	}
	for _, x := range fresh {
		if !x.heard {
			w.problem("the server tells no story of letter %s, message %s", x.token, x.id)
			x.heard = true // told once is enough
		}
	}
	return nil
}

// believe compares a letter's story with what is known. The caller holds mu and Sink.mu.
func (w *Witness) believe(x *letter, story, waiting []string) {
	w.figures.Stories++
	x.heard = true
	count := func(parts ...string) (n int) {
		for _, s := range story {
			if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) }) {
				n++
			}
		}
		return n
	}
	if n := count("Accepted from "); n != 1 {
		w.problem("the story of letter %s says %d times that it was accepted: %q", x.token, n, story)
	}
	for _, acc := range x.local {
		if n := count("Stored for " + acc.address + " in "); n != 1 {
			w.problem("the story of letter %s says %d times that it was stored for %s: %q", x.token, n, acc.address, story)
		}
	}
	if n := count("Stored for "); n != len(x.local) {
		w.problem("the story of letter %s says %d times that it was stored, for %d recipients here", x.token, n, len(x.local))
	}
	for _, to := range x.remote {
		handed := count("Handed over to ", " for "+to)
		arrived := slices.ContainsFunc(w.Sink.got[x.token], func(a arrival) bool { return a.to == to })
		switch {
		case count("Waits to be sent to "+to) != 1:
			w.problem("the story of letter %s does not say once that it waits for %s: %q", x.token, to, story)
		case handed > 1:
			w.problem("the story of letter %s says %d times that it was handed over for %s", x.token, handed, to)
		case handed == 1 && !arrived:
			w.problem("the story of letter %s says that it was handed over for %s, and it never came", x.token, to)
		case handed == 0 && !slices.Contains(waiting, to):
			w.problem("letter %s waits no longer for %s, and its story does not say why: %q", x.token, to, story)
		case handed == 1:
			x.handedOver(to)
		}
	}
	for _, to := range waiting {
		if !slices.Contains(x.remote, to) {
			w.problem("letter %s waits for %s, for whom it was not", x.token, to)
		}
	}
}

// handedOver writes down that the server said so of a letter: it must not come again. The caller holds Witness.mu.
func (x *letter) handedOver(to string) {
	if x.final == nil {
		x.final = map[string]bool{}
	}
	x.final[to] = true
}

// Calm waits until the server has told of everything that has arrived at the sink in this life that it was handed over: nothing of it may
// come again, whatever happens next. What arrived may be old: a letter whose first attempt failed is tried again minutes later, which
// is hundreds of lives, so more and more stories are asked for; and such letters go on arriving meanwhile.
func (w *Witness) Calm(o Office) error {
	began := time.Now()
	for most := fewStories; ; most = min(2*most, allStories) {
		if err := w.listen(o, most); err != nil {
			return err
		}
		open := w.untold(began)
		if open == "" {
			return w.Verdict()
		}
		if time.Since(began) > 2*patience {
			return w.unsaid(o, open)
		}
	}
}

// unsaid is the error that a letter's arrival is not told, with what is told of it.
func (w *Witness) unsaid(o Office, token string) error {
	w.mu.Lock()
	id := w.letters[token].id
	w.mu.Unlock()
	waiting, err := o.Waiting()
	stories, err2 := o.Stories(allStories)
	untold := fmt.Errorf("letter %s, message %s, arrived at the sink, and its story never says so: %q; it waits for %q, as %d others",
		token, id, stories[id], waiting[id], len(waiting))
	return errors.Join(untold, err, err2)
}

// untold names a letter that arrived in this life before a moment, which has not been told.
func (w *Witness) untold(before time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Sink.mu.Lock()
	defer w.Sink.mu.Unlock()
	for token, all := range w.Sink.got {
		x := w.letters[token]
		for _, a := range all {
			if a.life == w.life && a.at.Before(before) && x != nil && x.acked && x.id != "" && !x.final[a.to] {
				return token
			}
		}
	}
	return ""
}
