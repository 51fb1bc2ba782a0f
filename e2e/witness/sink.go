package witness

import (
	"crypto/sha256"
	"maps"
	"math/rand/v2"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sink is the next server: it takes what it is given, now and then says "later", and remembers everything. Its mailboxes are
// x@sink.test and y@sink.test.
type Sink struct {
	w  *Witness
	ln net.Listener
	wg sync.WaitGroup

	mu    sync.Mutex // guards what follows; taken after Witness.mu
	conns map[net.Conn]bool
	open  chan struct{} // closed and made anew when a connection ends
	rng   *rand.Rand
	kind  bool // never says "later" any more
	got   map[string][]arrival
	ends  map[int]time.Time
	heard chan struct{} // capacity 1: something arrived
}

// arrival is one recipient's copy.
type arrival struct {
	to     string
	life   int
	at     time.Time
	digest [sha256.Size]byte
}

func outside() []string { return []string{"x@sink.test", "y@sink.test"} }

func newSink(w *Witness) (*Sink, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{
		w: w, ln: ln, conns: map[net.Conn]bool{}, open: make(chan struct{}), rng: rand.New(rand.NewPCG(7, 7)),
		got: map[string][]arrival{}, ends: map[int]time.Time{}, heard: make(chan struct{}, 1),
	}
	s.wg.Go(s.serve)
	return s, nil
}

// Addr is where it listens.
func (s *Sink) Addr() string { return s.ln.Addr().String() }

// Close ends it.
func (s *Sink) Close() {
	s.ln.Close()
	s.hangUp()
	s.wg.Wait()
}

func (s *Sink) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Drained returns when no connection is open any more.
func (s *Sink) Drained() {
	for {
		s.mu.Lock()
		n, open := len(s.conns), s.open
		s.mu.Unlock()
		if n == 0 {
			return
		}
		<-open
	}
}

func (s *Sink) ended(life int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends[life] = time.Now()
}

func (s *Sink) serve() {
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			s.session(conn, textproto.NewConn(conn))
			conn.Close()
			s.mu.Lock()
			delete(s.conns, conn)
			close(s.open)
			s.open = make(chan struct{})
			s.mu.Unlock()
		})
	}
}

func (s *Sink) session(conn net.Conn, text *textproto.Conn) {
	var to []string
	reply := "220 sink.test"
	for {
		if err := text.PrintfLine("%s", reply); err != nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(10 * patience))
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		verb := strings.ToUpper(line)
		reply = "250 ok"
		switch {
		case strings.HasPrefix(verb, "EHLO"):
			reply = "250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME"
		case strings.HasPrefix(verb, "MAIL"), strings.HasPrefix(verb, "RSET"):
			to = nil
		case strings.HasPrefix(verb, "RCPT"):
			if s.later() {
				reply = "451 later, please"
				continue
			}
			to = append(to, line[strings.Index(line, "<")+1:strings.Index(line, ">")])
		case verb == "DATA" && len(to) == 0:
			reply = "503 nobody"
		case verb == "DATA":
			if err := text.PrintfLine("354 go on"); err != nil {
				return
			}
			message, err := dotted(text.R)
			if err != nil {
				return
			}
			if reply = s.take(message, to); reply == "" {
				return
			}
		case verb == "QUIT":
			_ = text.PrintfLine("221 bye")
			return
		}
	}
}

func (s *Sink) later() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.kind && s.rng.IntN(12) == 0
}

func (s *Sink) take(message []byte, to []string) (reply string) {
	token, digest, err := read(message)
	if err != nil {
		return "554 " + err.Error()
	}
	s.w.note(func() { // a server whose life is over is not there
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, t := range to {
			if x := s.w.letters[token]; x != nil && x.final[t] {
				s.w.problem("letter %s arrived at %s again, after its story had told that it was handed over", token, t)
			}
			s.got[token] = append(s.got[token], arrival{t, s.w.life, time.Now(), digest})
		}
		reply = "250 taken"
	})
	select {
	case s.heard <- struct{}{}:
	default:
	}
	return reply
}

// Settle has the queue send everything, and compares what the sink got over all lives with what it is owed, and with what the server
// tells of it.
func (w *Witness) Settle(o Office) error {
	w.Sink.mu.Lock()
	w.Sink.kind = true
	w.Sink.mu.Unlock()
	deadline := time.Now().Add(3 * patience)
	for {
		waiting, err := o.Waiting()
		if err != nil {
			return err
		}
		left := slices.Sorted(maps.Keys(waiting))
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			w.mu.Lock()
			w.problem("%d letters do not leave the queue: %v", len(left), left[:min(len(left), 5)])
			w.mu.Unlock()
			break
		}
		// What is under way or gone meanwhile cannot be asked for; the rest is asked for again.
		_ = o.Retry(left[:min(len(left), 100)])
		select {
		case <-w.Sink.heard:
		case <-time.After(200 * time.Millisecond):
		}
	}
	if err := w.listen(o, allStories); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Sink.mu.Lock()
	defer w.Sink.mu.Unlock()
	for token := range w.Sink.got {
		if w.letters[token] == nil {
			w.problem("the sink got a letter %q that nobody sent", token)
		}
	}
	for _, x := range w.letters {
		w.settle(x, w.Sink.got[x.token])
	}
	return w.verdict()
}

// settle compares one letter's arrivals with what the sink is owed. The caller holds mu and Sink.mu.
func (w *Witness) settle(x *letter, got []arrival) {
	by := map[string][]arrival{}
	for _, a := range got {
		if a.digest != x.digest {
			w.problem("letter %s arrived at the sink as another", x.token)
		}
		by[a.to] = append(by[a.to], a)
	}
	for _, to := range x.remote {
		all := by[to]
		delete(by, to)
		if len(all) == 0 && (x.owed == surely || x.owed == perhaps && len(got) > 0) {
			w.problem("letter %s never arrived at %s", x.token, to)
		}
		if len(all) > 0 && x.owed == never {
			w.problem("letter %s arrived at %s though nobody here has it", x.token, to)
		}
		w.figures.Relayed += min(len(all), 1)
		for i := 1; i < len(all); i++ {
			w.figures.RelayedTwice++
			window := w.Sink.ends[all[i-1].life].Sub(all[i-1].at)
			w.figures.Window = max(w.figures.Window, window)
			if all[i].life == all[i-1].life {
				w.problem("letter %s arrived at %s twice in one life", x.token, to)
			} else if window > 30*time.Second {
				w.problem("letter %s arrived at %s again, %v after its 250 was not lost", x.token, to, window)
			}
		}
	}
	for to := range by {
		w.problem("letter %s arrived at %s, for whom it was not", x.token, to)
	}
}
