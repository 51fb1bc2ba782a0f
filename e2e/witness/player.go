package witness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// player is one IMAP client of a Concert. It believes nothing but what it is told without asking: which messages there are follows
// from EXISTS and EXPUNGE, their flags from FETCH.
type player struct {
	*Concert
	index int
	box   string
	c     *imap
	view  []seat
	n     int
}

// seat is a message at its number; uid is 0 as long as it was not told.
type seat struct {
	uid    uint64
	flags  string
	known  bool // flags were told
	modseq uint64
}

// mostChanges is how often a client changes its keywords on one message; they count to eight.
const mostChanges = 7

func (p *player) play(_ int, r *rand.Rand) error {
	c, err := dialIMAP(p.dial("imaps"), p.account)
	if err != nil {
		return err
	}
	p.c = c
	if _, err := p.ask("SELECT %s", p.box); err != nil {
		return err
	}
	for range 6 + r.IntN(8) {
		if err := p.act(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) act(r *rand.Rand) error {
	switch dice := r.IntN(100); {
	case dice < 15:
		return p.append(r)
	case dice < 40:
		_, err := p.ask("FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER])")
		return empty(err)
	case dice < 70:
		return p.mark(r)
	case dice < 80:
		return p.remove(r)
	case dice < 87:
		return p.move(r)
	case dice < 93:
		return p.flag(r)
	case dice < 96:
		return p.idle()
	}
	_, err := p.ask("NOOP")
	return err
}

// empty takes the refusal of a set that names nothing for what it is.
func empty(err error) error {
	var b *breach
	if errors.As(err, &b) && strings.Contains(b.said, " BAD ") {
		return nil
	}
	return err
}

// ask sends a command and hears everything in its answer.
func (p *player) ask(format string, args ...any) (answer, error) {
	ans, err := p.c.ask(nil, format, args...)
	p.locked(func() { p.hear(ans) })
	return ans, err
}

// hear brings the view to what an answer tells. The caller holds mu.
func (p *player) hear(ans answer) {
	for _, l := range ans.lines {
		words := strings.Fields(l.text)
		if len(words) < 3 {
			continue
		}
		n, err := strconv.Atoi(words[1])
		if err != nil {
			continue
		}
		switch words[2] {
		case "EXISTS":
			if n < len(p.view) {
				p.problem("client %d: %d messages exist, and there were %d without an EXPUNGE", p.index, n, len(p.view))
				continue
			}
			p.view = append(p.view, make([]seat, n-len(p.view))...)
		case "EXPUNGE":
			if n < 1 || n > len(p.view) {
				p.problem("client %d: EXPUNGE %d of %d", p.index, n, len(p.view))
				continue
			}
			p.view = slices.Delete(p.view, n-1, n)
		case "FETCH":
			if n < 1 || n > len(p.view) {
				p.problem("client %d: FETCH %d of %d", p.index, n, len(p.view))
				continue
			}
			p.fetched(&p.view[n-1], l)
		}
	}
	// An answer may tell what others did first; at its end it has told what this client did.
	for _, s := range p.view {
		if s.known {
			p.own(place{p.box, s.uid}, s.flags)
		}
	}
}

func (p *player) fetched(s *seat, l line) {
	if uid := number(l.text, "UID"); uid != 0 {
		if s.uid != 0 && s.uid != uid {
			p.problem("client %d: a message had UID %d and has %d", p.index, s.uid, uid)
		}
		s.uid = uid
	}
	if s.uid == 0 {
		return
	}
	at := place{p.box, s.uid}
	if len(l.literals) == 1 {
		token, _, err := read(l.literals[0])
		if err != nil {
			p.problem("client %d: UID %d of %s: %v", p.index, s.uid, p.box, err)
			return
		}
		p.is(at, token)
	}
	if !strings.Contains(l.text, "FLAGS (") {
		return
	}
	m := number(l.text, "MODSEQ")
	if m != 0 && m < s.modseq {
		p.problem("client %d: MODSEQ of UID %d in %s went from %d back to %d", p.index, s.uid, p.box, s.modseq, m)
	}
	s.flags, s.known, s.modseq = p.observe(at, l.text), true, max(m, s.modseq)
}

// own compares the keywords that belong to this client with what it was told: nobody else changes them, and it waits for each answer.
func (p *player) own(at place, flags string) {
	told, mine := p.kept[p.tokens[at]][p.index]
	if got := version(p.index, flags); mine && got != told%8 {
		p.problem("client %d: UID %d of %s has the flags %q, after %d changes of its own", p.index, at.uid, at.box, flags, told)
	}
}

// choose picks a message of a kind.
func (p *player) choose(r *rand.Rand, fits func(token string) bool) (at place, token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []uint64
	for _, s := range p.view {
		if t := p.tokens[place{p.box, s.uid}]; s.uid != 0 && t != "" && fits(t) {
			all = append(all, s.uid)
		}
	}
	if len(all) == 0 {
		return place{}, ""
	}
	at = place{p.box, all[r.IntN(len(all))]}
	return at, p.tokens[at]
}

func goes(token string) bool { return !stays(token) }

func (p *player) append(r *rand.Rand) error {
	p.n++
	x, text := p.new(r, p.index, p.n, p.box)
	ans, err := p.c.ask(text, "APPEND %s", p.box)
	if err != nil {
		return err
	}
	var validity, uid uint64
	if _, err := fmt.Sscanf(ans.text, "OK [APPENDUID %d %d]", &validity, &uid); err != nil {
		return &breach{"APPEND said " + ans.text}
	}
	p.locked(func() {
		x.acked = p.now()
		p.is(place{p.box, uid}, x.token)
		p.hear(ans)
	})
	return nil
}

// mark changes one of the client's own keywords.
func (p *player) mark(r *rand.Rand) error {
	at, token := p.choose(r, stays)
	if token == "" {
		return nil
	}
	var count int
	p.locked(func() { count = p.kept[token][p.index] })
	if count >= mostChanges {
		return nil
	}
	keyword, set := step(p.index, count)
	sign := "-"
	if set {
		sign = "+"
	}
	// What the answer tells is compared with the change counted as done: the client is not in between.
	p.locked(func() {
		if p.kept[token] == nil {
			p.kept[token] = map[int]int{}
		}
		p.kept[token][p.index]++
	})
	_, err := p.ask("UID STORE %d %sFLAGS (%s)", at.uid, sign, keyword)
	return err
}

// flag changes what several clients change.
func (p *player) flag(r *rand.Rand) error {
	at, token := p.choose(r, func(string) bool { return true })
	if token == "" {
		return nil
	}
	_, err := p.ask("UID STORE %d %sFLAGS (\\Flagged)", at.uid, []string{"-", "+"}[r.IntN(2)])
	return err
}

func (p *player) remove(r *rand.Rand) error {
	at, token := p.choose(r, goes)
	if token == "" {
		return nil
	}
	p.locked(func() { p.asked[token] = true })
	if _, err := p.ask("UID STORE %d +FLAGS (\\Deleted)", at.uid); err != nil {
		return err
	}
	if _, err := p.ask("UID EXPUNGE %d", at.uid); err != nil {
		return err
	}
	p.locked(func() { p.gone[at] = "expunged" })
	return nil
}

func (p *player) move(r *rand.Rand) error {
	at, token := p.choose(r, goes)
	if token == "" || p.box == otherBox {
		return nil
	}
	ans, err := p.ask("UID MOVE %d %s", at.uid, otherBox)
	if err != nil {
		return err
	}
	src, dst, err := copyUID(ans)
	if err != nil { // nothing was moved: it is gone already
		return nil //nolint:nilerr // no COPYUID means just that
	}
	p.locked(func() {
		for i := range src {
			from, to := place{p.box, src[i]}, place{otherBox, dst[i]}
			if _, twice := p.moved[from]; twice {
				p.problem("%v was moved twice, to %v and %v", from, p.moved[from], to)
			}
			p.moved[from], p.gone[from] = to, "moved"
			p.is(to, token)
		}
	})
	return nil
}

// idle is IDLE (RFC 2177), ended as soon as it has begun; what it tells counts like any other answer.
func (p *player) idle() error {
	ans, err := p.c.idle()
	p.locked(func() { p.hear(ans) })
	return err
}

// finish hears all that is left to be heard.
func (p *player) finish() error {
	_, err := p.ask("NOOP")
	return err
}

// agrees compares what the client believes with what is there. The caller holds mu.
func (p *player) agrees(uids []uint64, truth map[uint64]string) {
	if len(p.view) != len(uids) {
		p.problem("client %d believes in %d messages in %s, and there are %d", p.index, len(p.view), p.box, len(uids))
		return
	}
	for i, s := range p.view {
		if s.uid != 0 && s.uid != uids[i] {
			p.problem("client %d believes that message %d of %s is UID %d, and it is %d", p.index, i+1, p.box, s.uid, uids[i])
		}
		if flags := truth[uids[i]]; s.known && s.flags != flags {
			p.problem("client %d believes that UID %d of %s has the flags %q, and it has %q", p.index, uids[i], p.box, s.flags, flags)
		}
	}
}
