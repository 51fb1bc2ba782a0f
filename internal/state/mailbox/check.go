package mailbox

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// Check reads all rows of an account once and reports, in words, where they contradict each other. It holds an account's
// places in memory.
func (s *Service) Check(ctx context.Context, a mail.AccountID, report func(problem string)) error {
	return s.Account(a).view(ctx, func(v store.View) error {
		im, err := readImage(ctx, v, a)
		if err != nil {
			return err
		}
		c := &checker{s: s, id: a, v: v, im: &im, report: report, places: map[spot]entry{}, members: map[threaded]bool{},
			hashes: map[threadHash]uint32{}, dead: map[mail.ID]bool{}}
		for _, r := range im.dead {
			for _, id := range r.ids {
				c.dead[id] = true
			}
		}
		for _, step := range []func(context.Context) error{c.readPlaces, c.readMembers, c.readEmails, c.readIndex} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		c.finish()
		return nil
	})
}

type checker struct {
	s       *Service
	id      mail.AccountID
	v       store.View
	im      *image
	report  func(string)
	places  map[spot]entry
	members map[threaded]bool
	hashes  map[threadHash]uint32
	dead    map[mail.ID]bool // that have rows yet
}

func (c *checker) say(format string, args ...any) { c.report(fmt.Sprintf(format, args...)) }

// readPlaces checks the places against the mailboxes and their counters.
func (c *checker) readPlaces(ctx context.Context) error {
	counts := map[mail.MailboxID]*counters{}
	for id, m := range c.im.tree.metas {
		counts[id] = &counters{}
		if !m.parent.IsZero() && c.im.tree.metas[m.parent] == nil {
			c.say("mailbox %s hangs below one that is not there", id)
		}
	}
	overlays := map[mail.MailboxID][]overlay{}
	for id := range counts {
		var err error
		if overlays[id], err = getOverlays(ctx, c.v, c.id, id); err != nil {
			return err
		}
	}
	err := c.v.Scan(ctx, rowRange(c.id, rowPlace), func(key, value []byte) (bool, error) {
		if len(key) != keyHead+idLen+4 {
			return false, errRow
		}
		id, _ := mail.IDFromBytes(key[keyHead : keyHead+idLen])
		uid := mail.UID(binary.BigEndian.Uint32(key[keyHead+idLen:]))
		e, err := decodePlace(uid, value)
		if err != nil {
			return false, err
		}
		m := mail.MailboxID{ID: id}
		n := counts[m]
		if n == nil {
			c.say("place %d is in mailbox %s, which is not there", uid, id)
			return true, nil
		}
		for i := range overlays[m] {
			overlays[m][i].over(&e)
		}
		n.add(&e)
		n.next, n.modseq = uid+1, max(n.modseq, e.modseq)
		c.places[spot{m, uid}] = e
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("read places: %w", err)
	}
	for id, n := range counts {
		have := c.im.counts[id]
		if n.next > have.next || n.modseq > have.modseq {
			c.say("mailbox %s is ahead of its counters", id)
		}
		n.next, n.modseq, n.overlays = have.next, have.modseq, uint64(len(overlays[id]))
		if *n != have {
			c.say("mailbox %s has counters %+v and places for %+v", id, have, *n)
		}
	}
	return nil
}

func (c *checker) readMembers(ctx context.Context) error {
	return c.v.Scan(ctx, rowRange(c.id, rowMember), func(key, _ []byte) (bool, error) {
		if len(key) != keyHead+2*idLen {
			return false, errRow
		}
		t, _ := mail.IDFromBytes(key[keyHead : keyHead+idLen])
		e, _ := mail.IDFromBytes(key[keyHead+idLen:])
		c.members[threaded{mail.EmailID{ID: e}, mail.ThreadID{ID: t}}] = true
		return true, nil
	})
}

// readEmails checks the e-mails against their places, bodies, summaries and threads.
func (c *checker) readEmails(ctx context.Context) error {
	var used Quota
	err := scanIDs(ctx, c.v, rowRange(c.id, rowEmail), func(id mail.ID, value []byte) error {
		row, err := decodeEmail(value)
		if err != nil {
			return err
		}
		email := mail.EmailID{ID: id}
		dead := c.dead[id]
		delete(c.dead, id)
		if !dead {
			used.Bytes += row.blob.Size
			used.Emails++
		}
		for _, h := range row.hashes {
			c.hashes[h]++
		}
		member := threaded{email, row.thread}
		if row.thread.ID != id && !c.members[member] {
			c.say("e-mail %s is no member of its thread", id)
		}
		delete(c.members, member)
		if !dead {
			c.spots(email, &row)
		}
		return c.content(ctx, email, &row)
	})
	if err != nil {
		return fmt.Errorf("read e-mails: %w", err)
	}
	if used != c.im.row.used {
		c.say("the quota says %+v and the e-mails %+v", c.im.row.used, used)
	}
	return nil
}

// spots checks an e-mail's places and takes them off the list.
func (c *checker) spots(id mail.EmailID, row *emailRow) {
	if len(row.spots) == 0 {
		c.say("e-mail %s is nowhere", id)
	}
	var first entry
	for i, p := range row.spots {
		e, ok := c.places[p]
		delete(c.places, p)
		if i == 0 {
			first = e
		}
		switch {
		case !ok || e.email != id:
			c.say("e-mail %s is not in mailbox %s as %d", id, p.mailbox, p.uid)
		case e.marks.withEmailBits(first.marks) != e.marks:
			c.say("e-mail %s has other flags in mailbox %s", id, p.mailbox)
		case len(row.spots) > 1 && !e.marks.has(markShared):
			c.say("e-mail %s does not know in mailbox %s that it is shared", id, p.mailbox)
		case int64(e.size) != row.blob.Size || e.received != row.received:
			c.say("e-mail %s has another size or date in mailbox %s", id, p.mailbox)
		}
	}
}

func (c *checker) content(ctx context.Context, id mail.EmailID, row *emailRow) error {
	k := idKey(c.id, rowSummary, id.ID)
	b, err := c.v.Get(ctx, k.bytes())
	if err == nil {
		_, err = message.DecodeSummary(b)
	}
	if err != nil {
		c.say("e-mail %s (%s): summary: %v", id, c.where(row), err)
	}
	body, err := c.s.st.OpenBlob(ctx, row.blob.ID)
	if err != nil {
		c.say("e-mail %s (%s): body: %v", id, c.where(row), err)
		return nil
	}
	n, err := io.Copy(io.Discard, io.NewSectionReader(body, 0, body.Size()))
	if err != nil {
		c.say("e-mail %s (%s): body: %v", id, c.where(row), err)
	} else if n != row.blob.Size {
		c.say("e-mail %s (%s): body of %d bytes instead of %d", id, c.where(row), n, row.blob.Size)
	}
	return body.Close()
}

// where names an e-mail's mailboxes and its UIDs there.
func (c *checker) where(row *emailRow) string {
	var in []string
	for _, p := range row.spots {
		name := p.mailbox.String()
		if m := c.im.tree.metas[p.mailbox]; m != nil {
			name = m.name
		}
		in = append(in, fmt.Sprintf("%s, UID %d", name, p.uid))
	}
	return strings.Join(in, "; ")
}

// readIndex checks the thread index.
func (c *checker) readIndex(ctx context.Context) error {
	err := c.v.Scan(ctx, rowRange(c.id, rowIndex), func(key, value []byte) (bool, error) {
		if len(key) != keyHead+hashLen {
			return false, errRow
		}
		l, err := decodeLink(value)
		if err != nil {
			return false, err
		}
		h := threadHash(key[keyHead:])
		if c.hashes[h] != l.count {
			c.say("the thread index counts %d e-mails of a hash instead of %d", l.count, c.hashes[h])
		}
		delete(c.hashes, h)
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("read thread index: %w", err)
	}
	if len(c.hashes) > 0 {
		c.say("the thread index lacks %d hashes", len(c.hashes))
	}
	return nil
}

func (c *checker) finish() {
	for p, e := range c.places {
		c.say("place %d of mailbox %s is of e-mail %s, which is not there", p.uid, p.mailbox, e.email)
	}
	for id := range c.dead {
		c.say("e-mail %s is to be buried and is not there", id)
	}
	for m := range c.members {
		c.say("thread %s has a member %s that is not there", m.thread, m.email)
	}
}
