package witness

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// order checks that letters lie in INBOX as they were sent: those of one session one after the other, and none that was sent after
// another had been accepted before that one. The caller holds mu.
func (w *Witness) order(b *box) {
	if b.name != "INBOX" {
		return
	}
	uids := make([]uint64, 0, len(b.messages))
	for uid := range b.messages {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	last := map[string]int{}
	var latest *letter // of those so far, the one that was begun last
	for _, uid := range uids {
		stream, n, _ := strings.Cut(b.messages[uid].token, "i")
		at, _ := strconv.Atoi(n)
		if at <= last[stream] {
			w.problem("UID %d of INBOX is letter %d of %s, after its letter %d", uid, at, stream, last[stream])
		}
		last[stream] = at
		x := w.letters[b.messages[uid].token]
		if x == nil {
			continue
		}
		if latest != nil && x.acked && x.ended < latest.begun {
			w.problem("UID %d of INBOX is letter %s, which was accepted before %s was begun, whose UID is lower", uid, x.token, latest.token)
		}
		if latest == nil || x.begun > latest.begun {
			latest = x
		}
	}
}

// since asks for what changed since the last audit (RFC 7162 section 3.1.4.1) and compares it with what did.
func (au *audit) since(b *box, rows []row) error {
	before, from := b.image, b.imageOf
	b.image = make(map[uint64]string, len(rows))
	for _, r := range rows {
		b.image[r.uid] = r.flags
	}
	b.imageOf = b.highest
	if from == 0 || len(rows) == 0 {
		return nil
	}
	ans, err := au.c.ask(nil, "UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)", from)
	if err != nil {
		return err
	}
	told := map[uint64]bool{}
	for _, l := range ans.lines {
		if strings.Contains(l.text, " FETCH ") {
			told[number(l.text, "UID")] = true
		}
	}
	for _, r := range rows {
		if flags, old := before[r.uid]; (!old || flags != r.flags) && !told[r.uid] {
			au.problem("UID %d of %s of %s changed (flags %q, now %q), and is not told as changed since %d, its MODSEQ is %d",
				r.uid, b.name, au.acc.address, flags, r.flags, from, r.modseq)
		}
	}
	return nil
}

// names reads POP3's names for what is in INBOX and compares them with those it ever told: a message keeps its name, and no other ever
// gets it.
func (au *audit) names(d Dial) error {
	p, err := patiently(d("pop3s"), au.acc.address)
	if err != nil {
		return err
	}
	defer p.conn.Close()
	names, err := p.names()
	if err != nil {
		return err
	}
	au.w.mu.Lock()
	inbox := make([]*message, 0, len(au.acc.boxes["INBOX"].messages))
	for _, m := range au.acc.boxes["INBOX"].messages {
		inbox = append(inbox, m)
	}
	slices.SortFunc(inbox, func(a, b *message) int { return cmp.Compare(a.uid, b.uid) })
	if len(names) != len(inbox) {
		au.w.problem("POP3 shows %d messages of %s, and IMAP %d", len(names), au.acc.address, len(inbox))
		au.w.mu.Unlock()
		return nil
	}
	for i, m := range inbox {
		au.w.named(au.acc, m.token, names[i+1])
	}
	au.w.mu.Unlock()
	// That both count alike is looked at for the newest.
	if len(inbox) > 0 {
		m := inbox[len(inbox)-1]
		top, err := p.many(fmt.Sprintf("TOP %d 0", len(inbox)))
		if err != nil {
			return err
		}
		if token, _, err := read(top); err != nil || token != m.token {
			au.problem("POP3's last message of %s is %q, and IMAP's %q (error %v)", au.acc.address, token, m.token, err)
		}
	}
	_, err = p.ask("QUIT")
	return err
}

// named writes down what POP3 calls a letter of an account. The caller holds mu.
func (w *Witness) named(acc *account, token, name string) {
	if name == "" {
		w.problem("POP3 has no name for letter %s of %s", token, acc.address)
		return
	}
	if was := acc.uidls[token]; was != "" && was != name {
		w.problem("POP3 called letter %s of %s %s, and now %s", token, acc.address, was, name)
	}
	if other := acc.called[name]; other != "" && other != token {
		w.problem("POP3 called letter %s of %s %s, and now letter %s", other, acc.address, name, token)
	}
	acc.uidls[token], acc.called[name] = name, token
}
