package witness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Round is the mixed load of one life of the server.
type Round struct {
	w       *Witness
	dial    Dial
	bears   bool          // connections may break and commands may be refused: then the actors begin anew
	quit    chan struct{} // closed by Cut
	wg      sync.WaitGroup
	mu      sync.Mutex // guards what follows
	acks    int
	refused int
	changed chan struct{}
	errs    []error
}

// Manner says what a Round's actors take for normal.
type Manner int

const (
	// UntilCut has each actor go on until its connection breaks. A refusal is a broken promise.
	UntilCut Manner = iota
	// Bearing has actors connect again and go on after refusals and broken connections, until Finish.
	Bearing
)

// Start lets all actors run. Their choices follow from seed; when they are made does not.
func (w *Witness) Start(d Dial, seed uint64, m Manner) *Round {
	r := &Round{w: w, dial: d, bears: m == Bearing, quit: make(chan struct{}), changed: make(chan struct{})}
	w.mu.Lock()
	life := w.life
	w.mu.Unlock()
	run := func(i int, act func(*actor) error) {
		a := &actor{Round: r, rng: rand.New(rand.NewPCG(seed, uint64(i))), name: fmt.Sprintf("l%ds%d", life, i)}
		r.wg.Go(func() { r.loop(a, act) })
	}
	for i := range 3 {
		run(i, func(a *actor) error { return a.write("smtp", "") })
	}
	run(3, func(a *actor) error { return a.write("submissions", author) })
	run(4, func(a *actor) error { return a.tidy(1) })
	run(5, func(a *actor) error { return a.tidy(2) })
	run(6, func(a *actor) error { return a.fetch("paul@nord.test") })
	run(7, func(a *actor) error { return a.fetch("anna@nord.test") })
	return r
}

func (r *Round) loop(a *actor, act func(*actor) error) {
	for {
		err := act(a)
		var b *breach
		var no *refusal
		switch {
		case errors.As(err, &b) || errors.As(err, &no) && !r.bears:
			r.w.note(func() { r.w.problem("%s: %v", a.name, err) })
			r.fail(err)
			return
		case err == nil || r.stopping():
			return
		case !r.bears:
			r.fail(err)
			return
		}
		if no != nil {
			r.count(&r.refused)
		}
		select { // a server that refuses is not asked without a pause
		case <-time.After(5 * time.Millisecond):
		case <-r.quit:
			return
		}
	}
}

func (r *Round) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *Round) count(n *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
	close(r.changed)
	r.changed = make(chan struct{})
}

// Await waits until the actors have been told yes so many more times, and no so many more times.
func (r *Round) Await(yes, no int) error {
	r.mu.Lock()
	yes, no = yes+r.acks, no+r.refused
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(ended)
	}()
	deadline := time.After(2 * patience)
	for {
		r.mu.Lock()
		acks, refused, changed := r.acks, r.refused, r.changed
		r.mu.Unlock()
		if acks >= yes && refused >= no {
			return nil
		}
		select {
		case <-changed:
		case <-ended:
			return errors.Join(append(r.errs, errors.New("all clients ended by themselves"))...)
		case <-deadline:
			return fmt.Errorf("clients were told yes %d times and no %d times, wanted %d and %d", acks, refused, yes, no)
		}
	}
}

// Acks is how often clients were told yes.
func (r *Round) Acks() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acks
}

// Cut waits until every client has noticed that the server is gone. A Round is cut or finished once.
func (r *Round) Cut() {
	close(r.quit)
	r.wg.Wait()
}

// Finish has the clients end what they have begun, and stop.
func (r *Round) Finish() { r.Cut() }

// actor is one client.
type actor struct {
	*Round
	rng  *rand.Rand
	name string
	n    int
}

var errOver = errors.New("this life is over")

// told writes down what the server has acknowledged.
func (a *actor) told(f func()) error {
	if !a.w.note(f) {
		return errOver
	}
	a.count(&a.acks)
	return nil
}

func (a *actor) begin(f func()) error {
	if !a.w.note(f) {
		return errOver
	}
	return nil
}

func (a *actor) token() string {
	a.n++
	return fmt.Sprintf("%si%d", a.name, a.n)
}

func (r *Round) stopping() bool {
	select {
	case <-r.quit:
		return true
	default:
		return false
	}
}

// write sends letters.
func (a *actor) write(listener, login string) error {
	s, err := dialSMTP(a.dial(listener), login)
	if err != nil {
		return err
	}
	defer s.conn.Close()
	from := stranger
	if login != "" {
		from = login
	}
	for !a.stopping() {
		x := &letter{token: a.token()}
		text := compose(a.rng, x.token, from)
		x.digest = sha256.Sum256(text)
		for i, p := range a.w.accounts {
			if a.rng.IntN([]int{2, 2, 2, 8}[i]) == 0 {
				x.local = append(x.local, p)
			}
		}
		for _, to := range outside() {
			if a.rng.IntN(4) == 0 || len(x.local)+len(x.remote) == 0 {
				x.remote = append(x.remote, to)
			}
		}
		if err := a.begin(func() { a.w.sends(x) }); err != nil {
			return err
		}
		id, err := s.send(x, from, text)
		if _, no := errors.AsType[*refusal](err); no {
			a.w.note(func() { a.w.figures.Refused++ })
		}
		if err != nil {
			return err
		}
		if err := a.told(func() { a.w.accepted(x, id) }); err != nil {
			return err
		}
	}
	return nil
}

func (w *Witness) sends(x *letter) {
	w.letters[x.token] = x
	w.tick++
	x.begun = w.tick
	w.figures.Sent++
	for _, p := range x.local {
		p.letters[x.token] = &fate{letter: x}
	}
}

func (w *Witness) accepted(x *letter, id string) {
	w.tick++
	x.acked, x.owed, x.ended, x.id = true, surely, w.tick, id
	if id == "" {
		w.problem("letter %s was accepted without a name", x.token)
	}
	w.figures.Accepted++
}

// fetch reads and deletes mail by POP3.
func (a *actor) fetch(login string) error {
	acc := a.w.account(login)
	for !a.stopping() {
		p, err := patiently(a.dial("pop3s"), login)
		if err != nil {
			return err
		}
		err = a.popSession(p, acc)
		p.conn.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// popSession reads a few messages, deletes them, and quits, or hangs up without quitting now and then: then nothing may be gone.
func (a *actor) popSession(p *pop3, acc *account) error {
	names, err := p.names()
	if err != nil {
		return err
	}
	var doomed []string
	for i := range min(len(names), 1+a.rng.IntN(6)) {
		text, err := p.many(fmt.Sprintf("RETR %d", i+1))
		if err != nil {
			return err
		}
		token, digest, err := read(text)
		if err != nil {
			return &breach{err.Error()}
		}
		if err := a.told(func() { a.w.popped(acc, token, digest, names[i+1]) }); err != nil {
			return err
		}
		if _, err := p.ask(fmt.Sprintf("DELE %d", i+1)); err != nil {
			return err
		}
		doomed = append(doomed, token)
	}
	if a.rng.IntN(5) == 0 {
		return nil
	}
	each := func(f func(*fate)) func() {
		return func() {
			for _, t := range doomed {
				f(acc.letters[t])
			}
		}
	}
	if err := a.begin(each(func(f *fate) { f.mayGo = true })); err != nil {
		return err
	}
	if _, err := p.ask("QUIT"); err != nil {
		return err
	}
	return a.told(each(func(f *fate) {
		f.gone = true
		a.w.figures.Popped++
	}))
}

// popped writes down that a client read a message. The caller holds mu.
func (w *Witness) popped(acc *account, token string, digest [sha256.Size]byte, uidl string) {
	f := acc.letters[token]
	if f == nil {
		w.problem("%s has a letter %q that nobody sent there", acc.address, token)
		acc.letters[token] = &fate{letter: &letter{token: token}}
		return
	}
	if f.letter.digest != digest {
		w.problem("letter %s reads differently by POP3", token)
	}
	w.named(acc, token, uidl)
	if f.gone || f.letter.dropped {
		w.problem("letter %s came back to %s", token, acc.address)
	}
	f.told, f.uidl = true, uidl
}

func pick[T any](r *rand.Rand, from []T, n int) []T {
	from = slices.Clone(from)
	r.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
	return from[:min(n, len(from))]
}
