package witness

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// crowded is how many messages a tidying client lets gather before it rather expunges.
const crowded = 30

func contains(s, part string) bool { return strings.Contains(s, part) }

func lines(b []byte) iter.Seq[string] { return strings.Lines(string(b)) }

// Prepare makes the mailboxes that the load uses. The server must not die meanwhile.
func (w *Witness) Prepare(d Dial) error {
	iris := w.account("iris@nord.test")
	c, err := dialIMAP(d("imaps"), iris.address)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	for _, name := range []string{"work1", "done1", "work2", "done2"} {
		if _, err := c.ask(nil, "CREATE %s", name); err != nil {
			return err
		}
		w.note(func() { iris.add(name) })
	}
	return nil
}

// tidier is a client with two mailboxes of its own, and, if it is the first, the INBOX.
type tidier struct {
	*actor
	acc        *account
	c          *imap
	work, done *box
	inbox      *box // nil for the second
	selected   string
}

// tidy appends, flags, moves, copies and expunges.
func (a *actor) tidy(n int) error {
	acc := a.w.account("iris@nord.test")
	c, err := dialIMAP(a.dial("imaps"), acc.address)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	t := &tidier{actor: a, acc: acc, c: c}
	if err := a.begin(func() {
		t.work, t.done = acc.boxes[fmt.Sprintf("work%d", n)], acc.boxes[fmt.Sprintf("done%d", n)]
		if n == 1 {
			t.inbox = acc.boxes["INBOX"]
		}
	}); err != nil {
		return err
	}
	for !a.stopping() {
		if err := t.step(); err != nil {
			return err
		}
	}
	return nil
}

func (t *tidier) step() error {
	size, waiting := 0, 0
	if err := t.begin(func() {
		size = len(t.work.messages) + len(t.done.messages)
		if t.inbox != nil {
			waiting = len(t.inbox.messages)
		}
	}); err != nil {
		return err
	}
	dice := t.rng.IntN(100)
	switch {
	case waiting > crowded && dice < 30:
		return t.expunge(t.inbox, 20)
	case size > crowded && dice < 60:
		return t.expunge([]*box{t.work, t.done}[t.rng.IntN(2)], 4)
	case dice < 30:
		return t.append()
	case dice < 50:
		return t.store([]*box{t.work, t.done}[t.rng.IntN(2)], "")
	case dice < 60:
		return t.transfer("MOVE", t.work, t.done)
	case dice < 65:
		return t.transfer("COPY", t.done, t.work)
	case dice < 75:
		return t.reread([]*box{t.work, t.done}[t.rng.IntN(2)])
	case dice < 80:
		return t.status(t.work)
	case dice < 85:
		return t.expunge(t.done, 4)
	case t.inbox == nil:
		return t.append()
	case dice < 92:
		return t.look()
	}
	return t.transfer("MOVE", t.inbox, t.work)
}

// settled picks messages about which nothing is open.
func (t *tidier) settled(b *box, most int) []*message {
	var all []*message
	t.w.note(func() {
		for _, m := range b.messages {
			if !m.mayGo && len(m.maybe) == 0 {
				all = append(all, m)
			}
		}
	})
	slices.SortFunc(all, func(a, b *message) int { return int(a.uid) - int(b.uid) })
	return pick(t.rng, all, 1+t.rng.IntN(most))
}

func setOf(messages []*message) string {
	var s []string
	for _, m := range messages {
		s = append(s, strconv.FormatUint(m.uid, 10))
	}
	return strings.Join(s, ",")
}

func (t *tidier) choose(b *box) error {
	if t.selected == b.name {
		return nil
	}
	ans, err := t.c.ask(nil, "SELECT %s", b.name)
	if err != nil {
		return err
	}
	t.selected = b.name
	return t.told(func() { b.hear(t.w, ans) })
}

// hear writes down the numbers that an answer about the box names.
func (b *box) hear(w *Witness, ans answer) {
	for _, l := range append(ans.lines, line{text: ans.text}) {
		b.saw(number(l.text, "UIDNEXT"), number(l.text, "HIGHESTMODSEQ"))
		v := number(l.text, "UIDVALIDITY")
		if v != 0 && b.validity != 0 && v != b.validity {
			w.problem("UIDVALIDITY of %s was %d and is %d", b.name, b.validity, v)
		}
		b.validity = max(v, b.validity)
	}
}

func (t *tidier) status(b *box) error {
	ans, err := t.c.ask(nil, "STATUS %s (UIDNEXT UIDVALIDITY HIGHESTMODSEQ)", b.name)
	if err != nil {
		return err
	}
	return t.told(func() { b.hear(t.w, ans) })
}

func someFlags(n int) string {
	all := []string{`\Answered`, `\Flagged`, `\Seen`, `\Draft`, "$Forwarded", "grau"}
	var out []string
	for i, f := range all {
		if n&(1<<i) != 0 {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}

// normal puts flags into one order.
func normal(flags string) string {
	words := strings.Fields(strings.ToLower(flags))
	words = slices.DeleteFunc(words, func(f string) bool { return f == `\recent` })
	slices.Sort(words)
	return strings.Join(words, " ")
}

func (t *tidier) append() error {
	token, flags := t.token(), someFlags(t.rng.IntN(64))
	text := compose(t.rng, token, "iris@nord.test")
	u := &underway{token: token, box: t.work.name, flags: normal(flags)}
	err := t.begin(func() {
		u.least = t.work.next
		t.w.letters[token] = &letter{token: token, digest: sha256.Sum256(text), owed: never}
		t.acc.under = append(t.acc.under, u)
	})
	if err != nil {
		return err
	}
	ans, err := t.c.ask(text, "APPEND %s (%s)", t.work.name, flags)
	if err != nil {
		return err
	}
	var validity, uid uint64
	if _, err := fmt.Sscanf(ans.text, "OK [APPENDUID %d %d]", &validity, &uid); err != nil {
		return &breach{"APPEND said " + ans.text}
	}
	return t.told(func() {
		t.acc.forget(u)
		if uid < u.least {
			t.w.problem("%s was appended to %s as UID %d, below %d, which was told before", token, t.work.name, uid, u.least)
		}
		t.w.place(t.work, &message{uid: uid, token: token, flags: u.flags})
		t.w.figures.Appended++
	})
}

// place writes down that a message has come to have a UID. The caller holds mu.
func (w *Witness) place(b *box, m *message) {
	if old := b.messages[m.uid]; old != nil && old.token != m.token {
		w.problem("UID %d of %s names %s, and named %s", m.uid, b.name, m.token, old.token)
	}
	if m.uid < b.floor {
		w.problem("%s got UID %d in %s below an old UIDNEXT %d", m.token, m.uid, b.name, b.floor)
	}
	if was := b.ever[m.uid]; was != "" && was != m.token {
		w.problem("UID %d of %s names %s, and once named %s", m.uid, b.name, m.token, was)
	}
	b.ever[m.uid] = m.token
	b.messages[m.uid] = m
	b.saw(m.uid+1, m.modseq)
}

// store sets flags; extra is added to them.
func (t *tidier) store(b *box, extra string) error {
	some := t.settled(b, 3)
	if len(some) == 0 {
		return nil
	}
	return t.storeOn(b, some, strings.TrimSpace(someFlags(t.rng.IntN(64))+" "+extra))
}

func (t *tidier) storeOn(b *box, some []*message, flags string) error {
	if err := t.choose(b); err != nil {
		return err
	}
	if err := t.begin(func() {
		for _, m := range some {
			m.maybe = append(m.maybe, normal(flags))
		}
	}); err != nil {
		return err
	}
	ans, err := t.c.ask(nil, "UID STORE %s FLAGS (%s)", setOf(some), flags)
	if err != nil {
		return err
	}
	return t.told(func() {
		for _, m := range some {
			m.flags, m.maybe = normal(flags), nil
		}
		for _, l := range ans.lines {
			if m := b.messages[number(l.text, "UID")]; m != nil && strings.Contains(l.text, " FETCH ") {
				t.w.hearModSeq(b, m, l.text)
			}
		}
		t.w.figures.Changed += len(some)
	})
}

// hearModSeq writes down a message's MODSEQ. The caller holds mu.
func (w *Witness) hearModSeq(b *box, m *message, text string) {
	n := number(text, "MODSEQ")
	if n != 0 && n < m.modseq {
		w.problem("MODSEQ of UID %d in %s went from %d back to %d", m.uid, b.name, m.modseq, n)
	}
	m.modseq = max(n, m.modseq)
	b.saw(0, n)
}

// transfer moves or copies.
func (t *tidier) transfer(verb string, from, to *box) error {
	some := t.settled(from, 3)
	if len(some) == 0 {
		return nil
	}
	if err := t.choose(from); err != nil {
		return err
	}
	var under []*underway
	err := t.begin(func() {
		for _, m := range some {
			m.copied = m.copied || verb == "COPY"
			u := &underway{token: m.token, box: to.name, flags: m.flags, copied: m.copied, least: to.next}
			if verb == "MOVE" {
				u.from, m.mayGo = m, true
			}
			under = append(under, u)
			t.acc.under = append(t.acc.under, u)
		}
	})
	if err != nil {
		return err
	}
	ans, err := t.c.ask(nil, "UID %s %s %s", verb, setOf(some), to.name)
	if err != nil {
		return err
	}
	src, dst, err := copyUID(ans)
	if err != nil {
		return err
	}
	return t.told(func() {
		for i, m := range some {
			t.acc.forget(under[i])
			at := slices.Index(src, m.uid)
			if at < 0 {
				t.w.problem("%s of %s says nothing of UID %d", verb, from.name, m.uid)
				continue
			}
			if dst[at] < under[i].least {
				t.w.problem("%s of %s to %s gave UID %d, below %d, which was told before", verb, m.token, to.name, dst[at], under[i].least)
			}
			t.w.place(to, &message{uid: dst[at], token: m.token, flags: m.flags, copied: m.copied})
			if verb == "MOVE" {
				delete(from.messages, m.uid)
			}
			t.w.figures.Moved++
		}
	})
}

func copyUID(ans answer) (src, dst []uint64, err error) {
	for _, l := range append(ans.lines, line{text: ans.text}) {
		if _, rest, ok := strings.Cut(l.text, "[COPYUID "); ok {
			words := strings.Fields(rest)
			if len(words) < 3 {
				break
			}
			src, dst = uidSet(words[1]), uidSet(strings.TrimRight(words[2], "]"))
			if len(src) == len(dst) {
				return src, dst, nil
			}
		}
	}
	return nil, nil, &breach{"no COPYUID in the answer to MOVE or COPY: " + ans.text}
}

func (t *tidier) expunge(b *box, most int) error {
	some := t.settled(b, most)
	if len(some) == 0 {
		return nil
	}
	if err := t.storeOn(b, some, `\Deleted`); err != nil {
		return err
	}
	if err := t.begin(func() {
		for _, m := range some {
			m.mayGo = true
		}
	}); err != nil {
		return err
	}
	ans, err := t.c.ask(nil, "UID EXPUNGE %s", setOf(some))
	if err != nil {
		return err
	}
	return t.told(func() {
		b.hear(t.w, ans)
		for _, m := range some {
			delete(b.messages, m.uid)
			t.w.figures.Removed++
		}
	})
}

// reread reads a message that is known.
func (t *tidier) reread(b *box) error {
	some := t.settled(b, 1)
	if len(some) == 0 {
		return nil
	}
	if err := t.choose(b); err != nil {
		return err
	}
	ans, err := t.c.ask(nil, "UID FETCH %s (UID FLAGS MODSEQ BODY.PEEK[])", setOf(some))
	if err != nil {
		return err
	}
	return t.told(func() {
		for _, l := range ans.lines {
			if number(l.text, "UID") == some[0].uid && len(l.literals) == 1 {
				t.w.compare(b, some[0], l)
				return
			}
		}
		t.w.problem("UID %d of %s (%s) cannot be read", some[0].uid, b.name, some[0].token)
	})
}

// compare holds a FETCH with the whole body to what is known. The caller holds mu.
func (w *Witness) compare(b *box, m *message, l line) {
	token, digest, err := read(l.literals[0])
	want, known := w.digestOf(m.token)
	if err != nil || token != m.token || !known || digest != want {
		w.problem("UID %d of %s is not what was put there as %s (error %v)", m.uid, b.name, m.token, err)
	}
	if f := flagsPattern.FindStringSubmatch(l.text); f != nil && !m.copied && !m.mayGo && len(m.maybe) == 0 && normal(f[1]) != m.flags {
		w.problem("UID %d of %s (%s) has the flags %q, was given %q", m.uid, b.name, m.token, f[1], m.flags)
	}
	w.hearModSeq(b, m, l.text)
}

// look reads what has come to INBOX.
func (t *tidier) look() error {
	if err := t.choose(t.inbox); err != nil {
		return err
	}
	if _, err := t.c.ask(nil, "NOOP"); err != nil {
		return err
	}
	known := uint64(0)
	if err := t.begin(func() {
		for uid := range t.inbox.messages {
			known = max(known, uid)
		}
	}); err != nil {
		return err
	}
	ans, err := t.c.ask(nil, "UID FETCH %d:* (UID FLAGS MODSEQ BODY.PEEK[HEADER])", known+1)
	if err != nil {
		return err
	}
	return t.told(func() {
		for _, l := range ans.lines {
			uid := number(l.text, "UID")
			if uid <= known || len(l.literals) != 1 {
				continue
			}
			token, _, err := read(l.literals[0])
			if err != nil {
				t.w.problem("UID %d of INBOX: %v", uid, err)
				continue
			}
			t.w.arrived(t.acc, t.inbox, uid, token, l.text)
		}
	})
}

// arrived writes down that a letter is seen in INBOX. The caller holds mu.
func (w *Witness) arrived(acc *account, b *box, uid uint64, token, text string) {
	f := acc.letters[token]
	switch {
	case f == nil:
		w.problem("%s has a letter %q in INBOX that nobody sent there", acc.address, token)
		return
	case f.placed:
		w.problem("letter %s is with %s once more, as UID %d", token, acc.address, uid)
		return
	case f.letter.dropped:
		w.problem("letter %s, never acknowledged and not there after the last end, came to %s now", token, acc.address)
	}
	m := &message{uid: uid, token: token, modseq: number(text, "MODSEQ")}
	if fl := flagsPattern.FindStringSubmatch(text); fl != nil {
		m.flags = normal(fl[1])
	}
	f.placed, f.told = true, true
	w.place(b, m)
}
