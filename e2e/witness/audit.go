package witness

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Depth is how much an audit reads.
type Depth int

const (
	// Quick reads the bodies of what is new since the last audit, and a few of the others.
	Quick Depth = iota
	// Thorough reads every body.
	Thorough
)

// Audit reads everything back and compares it with what was told. Nobody else may use the server meanwhile.
func (w *Witness) Audit(d Dial, depth Depth) error {
	for _, acc := range w.accounts {
		c, err := dialIMAP(d("imaps"), acc.address)
		if err != nil {
			return fmt.Errorf("audit %s: %w", acc.address, err)
		}
		au := &audit{w: w, acc: acc, c: c, depth: depth}
		err = au.run()
		c.conn.Close()
		if err == nil {
			err = au.names(d)
		}
		if err != nil {
			return fmt.Errorf("audit %s: %w", acc.address, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.together()
	return w.verdict()
}

// audit is one account's.
type audit struct {
	w     *Witness
	acc   *account
	c     *imap
	depth Depth
}

// row is one message as it is found.
type row struct {
	uid, modseq uint64
	token       string
	flags       string
}

func (au *audit) run() error {
	ans, err := au.c.ask(nil, `LIST "" *`)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, l := range ans.lines {
		if !strings.HasPrefix(l.text, "* LIST ") {
			continue
		}
		words := strings.SplitN(l.text[strings.Index(l.text, ")")+2:], " ", 2)
		name := strings.Trim(words[1], `"`)
		there[name] = true
		if err := au.box(name); err != nil {
			return err
		}
	}
	au.w.mu.Lock()
	defer au.w.mu.Unlock()
	for name := range au.acc.boxes {
		if !there[name] {
			au.w.problem("the mailbox %s of %s is not there", name, au.acc.address)
		}
	}
	au.close()
	return nil
}

// box reads one mailbox and compares it.
func (au *audit) box(name string) error {
	status, err := au.c.ask(nil, "STATUS %q (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)", name)
	if err != nil {
		return err
	}
	text := ""
	for _, l := range status.lines {
		if strings.HasPrefix(l.text, "* STATUS ") {
			text = l.text[strings.LastIndex(l.text, "("):]
		}
	}
	count := number(text, "MESSAGES")
	b := au.acc.boxes[name]
	if b == nil {
		if count != 0 {
			au.problem("%d messages are in %s of %s, where nobody put any", count, name, au.acc.address)
		}
		return nil
	}
	au.numbers(b, text)
	if count == 0 {
		return au.rows(b, nil)
	}
	if _, err := au.c.ask(nil, "EXAMINE %q", name); err != nil {
		return err
	}
	ans, err := au.c.ask(nil, "UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER])")
	if err != nil {
		return err
	}
	var rows []row
	for _, l := range ans.lines {
		if !strings.Contains(l.text, " FETCH ") || len(l.literals) != 1 {
			continue
		}
		token, _, err := read(l.literals[0])
		if err != nil {
			au.problem("%s of %s: %v", name, au.acc.address, err)
			continue
		}
		r := row{uid: number(l.text, "UID"), modseq: number(l.text, "MODSEQ"), token: token}
		if f := flagsPattern.FindStringSubmatch(l.text); f != nil {
			r.flags = normal(f[1])
		}
		if len(rows) > 0 && r.uid <= rows[len(rows)-1].uid {
			au.problem("UIDs of %s do not rise: %d after %d", name, r.uid, rows[len(rows)-1].uid)
		}
		rows = append(rows, r)
	}
	if uint64(len(rows)) != count {
		au.problem("STATUS counts %d messages in %s of %s, and FETCH shows %d", count, name, au.acc.address, len(rows))
	}
	fresh := au.unread(b, rows)
	if err := au.since(b, rows); err != nil {
		return err
	}
	if err := au.rows(b, rows); err != nil {
		return err
	}
	return au.bodies(b, fresh)
}

func (au *audit) problem(format string, args ...any) {
	au.w.mu.Lock()
	defer au.w.mu.Unlock()
	au.w.problem(format, args...)
}

// numbers holds UIDVALIDITY, UIDNEXT and HIGHESTMODSEQ to what was told.
func (au *audit) numbers(b *box, status string) {
	au.w.mu.Lock()
	defer au.w.mu.Unlock()
	v, next, highest := number(status, "UIDVALIDITY"), number(status, "UIDNEXT"), number(status, "HIGHESTMODSEQ")
	if v == 0 || b.validity != 0 && v != b.validity {
		au.w.problem("UIDVALIDITY of %s was %d and is %d", b.name, b.validity, v)
	}
	if next < b.next {
		au.w.problem("UIDNEXT of %s went from %d back to %d", b.name, b.next, next)
	}
	if highest < b.highest {
		au.w.problem("HIGHESTMODSEQ of %s went from %d back to %d", b.name, b.highest, highest)
	}
	b.validity = v
	b.saw(next, highest)
}

// unread picks the rows whose bodies are to be read.
func (au *audit) unread(b *box, rows []row) []uint64 {
	au.w.mu.Lock()
	defer au.w.mu.Unlock()
	var out []uint64
	for i, r := range rows {
		if au.depth == Thorough || r.uid >= b.floor || i%37 == au.w.life%37 {
			out = append(out, r.uid)
		}
	}
	return out
}

// rows compares what is there with what should be, and takes what is there for the truth from then on.
func (au *audit) rows(b *box, rows []row) error {
	w := au.w
	w.mu.Lock()
	defer w.mu.Unlock()
	w.figures.Audited += len(rows)
	found := map[uint64]row{}
	for _, r := range rows {
		found[r.uid] = r
	}
	for uid, m := range b.messages {
		r, there := found[uid]
		m.present = there
		f := au.acc.letters[m.token]
		if b.name != "INBOX" || f == nil {
			f = &fate{}
		}
		switch {
		case there && f.gone:
			w.problem("letter %s of %s was deleted and is there", m.token, au.acc.address)
		case !there && !m.mayGo && !f.mayGo && !f.gone:
			w.problem("UID %d of %s of %s (%s) is missing", uid, b.name, au.acc.address, m.token)
		}
		if !there {
			delete(b.messages, uid)
			continue
		}
		au.same(b, m, r)
	}
	for _, r := range rows {
		if b.messages[r.uid] == nil {
			au.unknown(b, r)
		}
	}
	w.order(b)
	b.floor = b.next
	return nil
}

// same compares a message with what was told of it.
func (au *audit) same(b *box, m *message, r row) {
	if r.token != m.token {
		au.w.problem("UID %d of %s names %s, and named %s", m.uid, b.name, r.token, m.token)
	}
	// What a POP3 client has read may be \Seen; copies may share their flags.
	f := au.acc.letters[m.token]
	ours := !m.copied && (f == nil || f.uidl == "")
	if ours && r.flags != m.flags && !slices.Contains(m.maybe, r.flags) {
		au.w.problem("UID %d of %s (%s) has the flags %q, was given %q (or %q)", m.uid, b.name, m.token, r.flags, m.flags, m.maybe)
	}
	if r.modseq == m.modseq && r.flags != m.flags && ours {
		au.w.problem("MODSEQ %d of UID %d in %s went with the flags %q, and now with %q", r.modseq, m.uid, b.name, m.flags, r.flags)
	}
	if r.modseq < m.modseq {
		au.w.problem("MODSEQ of UID %d in %s went from %d back to %d", m.uid, b.name, m.modseq, r.modseq)
	}
	m.flags, m.maybe, m.modseq, m.mayGo = r.flags, nil, r.modseq, false
}

// unknown judges a message whose UID nobody was told.
func (au *audit) unknown(b *box, r row) {
	m := &message{uid: r.uid, token: r.token, flags: r.flags, modseq: r.modseq, present: true}
	for _, u := range au.acc.under {
		if u.token != r.token || u.box != b.name || u.appeared {
			continue
		}
		if r.uid < u.least {
			au.w.problem("%s came to %s as UID %d, below %d, which was told before", r.token, b.name, r.uid, u.least)
		}
		u.appeared, m.copied = true, u.copied
		if !u.copied && r.flags != u.flags && !slices.Contains(fromMaybe(u), r.flags) {
			au.w.problem("%s came to %s with the flags %q instead of %q", r.token, b.name, r.flags, u.flags)
		}
		au.w.place(b, m)
		return
	}
	if b.name != "INBOX" {
		au.w.problem("UID %d of %s is %s, which nobody put there or which was deleted", r.uid, b.name, r.token)
		return
	}
	if f := au.acc.letters[r.token]; f != nil && f.gone {
		au.w.problem("letter %s of %s was deleted and is there", r.token, au.acc.address)
	}
	au.w.arrived(au.acc, b, r.uid, r.token, "MODSEQ ("+strconv.FormatUint(r.modseq, 10)+") FLAGS ("+r.flags+")")
}

func fromMaybe(u *underway) []string {
	if u.from == nil {
		return nil
	}
	return u.from.maybe
}

// bodies reads messages whole.
func (au *audit) bodies(b *box, uids []uint64) error {
	for part := range slices.Chunk(uids, 50) {
		var set []string
		for _, u := range part {
			set = append(set, strconv.FormatUint(u, 10))
		}
		ans, err := au.c.ask(nil, "UID FETCH %s (UID FLAGS MODSEQ BODY.PEEK[])", strings.Join(set, ","))
		if err != nil {
			return err
		}
		au.w.mu.Lock()
		for _, l := range ans.lines {
			if m := b.messages[number(l.text, "UID")]; m != nil && len(l.literals) == 1 {
				au.w.compare(b, m, l)
			}
		}
		au.w.mu.Unlock()
	}
	return nil
}

// close judges what was under way in this account when the life ended. The caller holds mu.
func (au *audit) close() {
	w, acc := au.w, au.acc
	for _, u := range acc.under {
		if u.from == nil {
			continue
		}
		if u.from.present && u.appeared {
			w.problem("a MOVE doubled %s of %s", u.token, acc.address)
		}
		if !u.from.present && !u.appeared {
			w.problem("a MOVE lost %s of %s", u.token, acc.address)
		}
	}
	acc.under = nil
	for _, b := range acc.boxes {
		for _, m := range b.messages {
			m.present = false
		}
	}
	for token, f := range acc.letters {
		if !f.placed && (f.letter.acked || f.told) && !f.mayGo && !f.gone {
			w.problem("letter %s was accepted for %s and is not there", token, acc.address)
			f.placed = true // told once is enough
		}
		if f.mayGo && !f.gone {
			au.quit(f)
		}
	}
}

// quit judges a QUIT without an answer: the letter is gone for good or there as before.
func (au *audit) quit(f *fate) {
	f.gone = true
	for _, m := range au.acc.boxes["INBOX"].messages {
		if m.token == f.letter.token {
			f.gone, f.mayGo = false, false
		}
	}
}

// together judges letters that were not acknowledged: all their recipients have them, or nobody. The caller holds mu.
func (w *Witness) together() {
	for _, x := range w.letters {
		if x.acked || x.dropped || x.owed != perhaps {
			continue
		}
		have := 0
		for _, a := range x.local {
			if a.letters[x.token].told {
				have++
			}
		}
		switch {
		case len(x.local) == 0:
			continue // the sink will tell
		case have == 0:
			x.owed, x.dropped = never, true
		case have == len(x.local):
			x.owed = surely
		default:
			w.problem("letter %s is with %d of its %d recipients here", x.token, have, len(x.local))
			x.owed = surely
		}
	}
}

// Dump reads all mailboxes of all accounts, byte for byte, in an order that depends only on them.
func Dump(d Dial) (string, error) {
	var out strings.Builder
	for _, p := range People() {
		c, err := dialIMAP(d("imaps"), p)
		if err != nil {
			return "", fmt.Errorf("dump %s: %w", p, err)
		}
		err = c.dump(&out)
		c.conn.Close()
		if err != nil {
			return "", fmt.Errorf("dump %s: %w", p, err)
		}
	}
	return out.String(), nil
}

func (c *imap) dump(out *strings.Builder) error {
	ans, err := c.ask(nil, `LIST "" *`)
	if err != nil {
		return err
	}
	for _, l := range ans.lines {
		fmt.Fprintln(out, l.text)
		at := strings.Index(l.text, ") ")
		words := strings.SplitN(l.text[at+2:], " ", 2)
		status, err := c.ask(nil, "STATUS %s (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)", words[1])
		if err != nil {
			return err
		}
		if _, err := c.ask(nil, "EXAMINE %s", words[1]); err != nil {
			return err
		}
		all, err := c.ask(nil, "UID FETCH 1:* (UID FLAGS MODSEQ INTERNALDATE ENVELOPE BODY.PEEK[])")
		if err != nil {
			return err
		}
		for _, l := range append(status.lines, all.lines...) {
			fmt.Fprintf(out, "%s %q\n", l.text, l.literals)
		}
	}
	return nil
}
