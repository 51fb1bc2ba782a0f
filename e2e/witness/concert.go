package witness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

// A Concert is several clients of each protocol at once on one account, and a model of what they must be told: what each is told is
// compared with what all others are, while it is told and at the end. Messages are of two kinds. Those that stay get keywords, of which each
// belongs to one client, so what a keyword must be follows from what that client was told, in its own order, whatever the others do. Those
// that go are moved, expunged and deleted by POP3, by several clients at the same time.
type Concert struct {
	dial    Dial
	account string
	name    string

	mu     sync.Mutex // guards what follows
	tick   int
	notes  map[string]*note       // by token
	states map[state]string       // the flags that a MODSEQ stands for
	tokens map[place]string       // what a UID names
	gone   map[place]string       // what was told to be gone from there, and how
	moved  map[place]place        // where a COPYUID says it went
	kept   map[string]map[int]int // by token and client: how often the client changed its keywords
	popped map[string]bool        // what POP3 was told to be deleted
	asked  map[string]bool        // what somebody may have removed: a command for it was sent
	wrong  []string
	Said   int // how many answers were compared
}

type place struct {
	box string
	uid uint64
}

type state struct {
	place
	modseq uint64
}

// note is one message as it was sent.
type note struct {
	token        string
	digest       [sha256.Size]byte
	box          string
	begun, acked int
}

// otherBox is the mailbox that a Concert needs beside INBOX.
const otherBox = "other"

// stays says of which kind a message is.
func stays(token string) bool { return token[len(token)-1]%2 == 0 }

// Play has all clients play their parts, each by what follows from the seed, and gives what was wrong. The account's mailboxes must
// hold nothing but what an earlier Concert left.
func Play(d Dial, account string, seed uint64) (*Concert, error) {
	c := &Concert{
		dial: d, account: account, name: fmt.Sprintf("c%d", seed), notes: map[string]*note{}, states: map[state]string{},
		tokens: map[place]string{}, gone: map[place]string{}, moved: map[place]place{}, kept: map[string]map[int]int{},
		popped: map[string]bool{}, asked: map[string]bool{},
	}
	if err := c.prepare(); err != nil {
		return c, err
	}
	var wg sync.WaitGroup
	var errs []error
	part := func(i int, play func(i int, r *rand.Rand) error) {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			if err := play(i, r); err != nil {
				c.locked(func() { errs = append(errs, fmt.Errorf("client %d: %w", i, err)) })
			}
		})
	}
	var players []*player
	for i := range 4 {
		p := &player{Concert: c, index: i, box: "INBOX"}
		if i == 3 {
			p.box = otherBox
		}
		players = append(players, p)
		part(i, p.play)
	}
	part(4, c.sends)
	part(5, c.sends)
	part(6, c.pops)
	wg.Wait()
	for _, p := range players {
		if p.c != nil {
			if err := p.finish(); err != nil {
				errs = append(errs, err)
			}
			p.c.conn.Close()
		}
	}
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	if err := c.compare(players); err != nil {
		return c, err
	}
	if len(c.wrong) > 0 {
		return c, errors.New(strings.Join(c.wrong[:min(len(c.wrong), 20)], "\n"))
	}
	return c, nil
}

func (c *Concert) locked(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// now counts what happens. The caller holds mu.
func (c *Concert) now() int {
	c.tick++
	return c.tick
}

// problem writes down what was wrong. The caller holds mu.
func (c *Concert) problem(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

// prepare empties the mailboxes.
func (c *Concert) prepare() error {
	i, err := dialIMAP(c.dial("imaps"), c.account)
	if err != nil {
		return err
	}
	defer i.conn.Close()
	var no *refusal
	if _, err := i.ask(nil, "CREATE %s", otherBox); err != nil && !errors.As(err, &no) {
		return err
	}
	for _, box := range []string{"INBOX", otherBox} {
		for _, command := range []string{"SELECT " + box, `STORE 1:* +FLAGS.SILENT (\Deleted)`, "EXPUNGE"} {
			ans, err := i.ask(nil, "%s", command)
			if err != nil {
				return err
			}
			if strings.HasPrefix(command, "SELECT") && slices.ContainsFunc(ans.lines, func(l line) bool { return l.text == "* 0 EXISTS" }) {
				break
			}
		}
	}
	return nil
}

// new makes a message that is about to be sent.
func (c *Concert) new(r *rand.Rand, client, n int, box string) (*note, []byte) {
	x := &note{token: fmt.Sprintf("%s-%di%d", c.name, client, n), box: box}
	text := compose(r, x.token, stranger)
	x.digest = sha256.Sum256(text)
	c.locked(func() {
		x.begun = c.now()
		c.notes[x.token] = x
	})
	return x, text
}

// sends is the part of a client that sends letters.
func (c *Concert) sends(client int, r *rand.Rand) error {
	s, err := dialSMTP(c.dial("smtp"), "")
	if err != nil {
		return err
	}
	defer s.conn.Close()
	for n := range 2 + r.IntN(5) {
		x, text := c.new(r, client, n+1, "INBOX")
		l := &letter{token: x.token, local: []*account{{address: c.account}}}
		if _, err := s.send(l, stranger, text); err != nil {
			return err
		}
		c.locked(func() { x.acked = c.now() })
	}
	return nil
}

// pops is the part of a client that fetches mail by POP3, and now and then hangs up before QUIT.
func (c *Concert) pops(_ int, r *rand.Rand) error {
	for range 1 + r.IntN(3) {
		p, err := patiently(c.dial("pop3s"), c.account)
		var no *refusal
		if errors.As(err, &no) {
			continue // logged in too often
		}
		if err != nil {
			return err
		}
		err = c.popSession(p, r)
		p.conn.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Concert) popSession(p *pop3, r *rand.Rand) error {
	list, err := p.many("UIDL")
	if err != nil {
		return err
	}
	count := len(slices.Collect(lines(list)))
	var doomed []string
	for i := range count {
		if r.IntN(3) == 0 {
			continue
		}
		text, err := p.many(fmt.Sprintf("RETR %d", i+1))
		var no *refusal
		if errors.As(err, &no) { // somebody else removed it meanwhile
			continue
		}
		if err != nil {
			return err
		}
		token, digest, err := read(text)
		c.locked(func() { c.seen(token, digest, err) })
		if err != nil || stays(token) || r.IntN(2) == 0 {
			continue
		}
		if _, err := p.ask(fmt.Sprintf("DELE %d", i+1)); err != nil {
			if errors.As(err, &no) {
				continue
			}
			return err
		}
		doomed = append(doomed, token)
	}
	if r.IntN(4) == 0 {
		return nil
	}
	c.locked(func() {
		for _, t := range doomed {
			c.asked[t] = true
		}
	})
	if _, err := p.ask("QUIT"); err != nil {
		return err
	}
	c.locked(func() {
		for _, t := range doomed {
			c.popped[t] = true
		}
	})
	return nil
}

// seen compares a message that was read with what was sent. The caller holds mu.
func (c *Concert) seen(token string, digest [sha256.Size]byte, err error) {
	c.Said++
	x := c.notes[token]
	if err != nil || x == nil || x.digest != digest {
		c.problem("what was read as %q is not what was sent (error %v)", token, err)
	}
}

// compare reads everything with a new client and holds it to what all were told.
func (c *Concert) compare(players []*player) error {
	i, err := dialIMAP(c.dial("imaps"), c.account)
	if err != nil {
		return err
	}
	defer i.conn.Close()
	where := map[string][]place{}
	for _, box := range []string{"INBOX", otherBox} {
		if _, err := i.ask(nil, "EXAMINE %s", box); err != nil {
			return err
		}
		ans, err := i.ask(nil, "UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[])")
		if err != nil {
			return err
		}
		truth := map[uint64]string{}
		var uids []uint64
		c.mu.Lock()
		for _, l := range ans.lines {
			if len(l.literals) != 1 {
				continue
			}
			token, digest, err := read(l.literals[0])
			c.seen(token, digest, err)
			at := place{box, number(l.text, "UID")}
			c.is(at, token)
			flags := c.observe(at, l.text)
			c.final(token, flags)
			where[token] = append(where[token], at)
			truth[at.uid], uids = flags, append(uids, at.uid)
		}
		for _, p := range players {
			if p.box == box {
				p.agrees(uids, truth)
			}
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole(where)
	return nil
}

// is writes down that a UID names a message. The caller holds mu.
func (c *Concert) is(at place, token string) {
	if was := c.tokens[at]; was != "" && was != token {
		c.problem("UID %d of %s names %s, and named %s", at.uid, at.box, token, was)
	}
	c.tokens[at] = token
}

// observe writes down the flags that a message was told to have at a MODSEQ, and gives them. The caller holds mu.
func (c *Concert) observe(at place, text string) string {
	m, f := number(text, "MODSEQ"), flagsPattern.FindStringSubmatch(text)
	if f == nil {
		return ""
	}
	flags := normal(f[1])
	if m == 0 {
		return flags
	}
	c.Said++
	s := state{at, m}
	if was, known := c.states[s]; known && was != flags {
		c.problem("UID %d of %s at MODSEQ %d has the flags %q, and was told to have %q", at.uid, at.box, m, flags, was)
	}
	c.states[s] = flags
	return flags
}

// whole compares where messages are with what clients were told. The caller holds mu.
func (c *Concert) whole(where map[string][]place) {
	for token, x := range c.notes {
		at := where[token]
		switch {
		case len(at) > 1:
			c.problem("%s is %d times there: %v", token, len(at), at)
		case len(at) == 0 && x.acked > 0 && !c.asked[token]:
			c.problem("%s was accepted, nobody removed it, and it is not there", token)
		case len(at) == 1 && c.gone[at[0]] != "":
			c.problem("%s is at %v, from where it is gone (%s)", token, at[0], c.gone[at[0]])
		case len(at) == 1 && c.popped[token] && at[0].box == "INBOX":
			c.problem("%s was deleted by POP3 and is in INBOX", token)
		}
	}
	for from, to := range c.moved {
		if token := c.tokens[to]; c.gone[to] == "" && !slices.Contains(where[token], to) {
			c.problem("%v was moved to %v, nobody took it from there, and it is not there", from, to)
		}
	}
	for token, at := range where {
		if c.notes[token] == nil {
			c.problem("%s is at %v, and nobody sent it", token, at)
		}
	}
	c.inOrder(where)
}

// inOrder checks that in INBOX nothing that was accepted before another was begun lies behind it. The caller holds mu.
func (c *Concert) inOrder(where map[string][]place) {
	type lies struct {
		*note
		uid uint64
	}
	var all []lies
	for token, at := range where {
		if x := c.notes[token]; x != nil && len(at) == 1 && at[0].box == "INBOX" && x.box == "INBOX" {
			all = append(all, lies{x, at[0].uid})
		}
	}
	slices.SortFunc(all, func(a, b lies) int { return int(a.uid) - int(b.uid) })
	latest := 0
	for _, x := range all {
		if x.acked > 0 && x.acked < latest {
			c.problem("UID %d of INBOX is %s, which was accepted before another was begun whose UID is lower", x.uid, x.token)
		}
		latest = max(latest, x.begun)
	}
}

// keywords are the three keywords of a client, which count, in Gray's code, how often it changed them on a message.
func keywords(client int) [3]string {
	return [3]string{fmt.Sprintf("k%da", client), fmt.Sprintf("k%db", client), fmt.Sprintf("k%dc", client)}
}

// version reads a client's count, modulo eight, out of flags.
func version(client int, flags string) int {
	words := strings.Fields(flags)
	gray := 0
	for bit, k := range keywords(client) {
		if slices.Contains(words, k) {
			gray |= 1 << bit
		}
	}
	return gray ^ gray>>1 ^ gray>>2
}

// step is the keyword that goes from one count to the next, and whether it is set.
func step(client, from int) (keyword string, set bool) {
	a, b := from^from>>1, (from+1)^(from+1)>>1
	for bit, k := range keywords(client) {
		if (a^b)&(1<<bit) != 0 {
			return k, b&(1<<bit) != 0
		}
	}
	return "", false
}

// final compares the keywords of a message at the end with what each client was told of its own. The caller holds mu.
func (c *Concert) final(token, flags string) {
	for client, told := range c.kept[token] {
		if got := version(client, flags); got != told%8 {
			c.problem("%s has the flags %q: client %d was told yes %d times, and %d changes are there", token, flags, client, told, got)
		}
	}
}
