package mailbox

import (
	"maps"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// image is an account at one number, without its messages.
type image struct {
	number   uint64
	row      accountRow
	keywords *keywordTable
	tree     *tree
	counts   map[mail.MailboxID]counters
	dead     deadList
}

func (im *image) clone() image {
	c := *im
	c.counts = maps.Clone(im.counts)
	return c
}

// mailbox describes one mailbox.
func (im *image) mailbox(id mail.MailboxID) (Mailbox, bool) {
	m, ok := im.tree.metas[id]
	if !ok {
		return Mailbox{}, false
	}
	c := im.counts[id]
	return Mailbox{
		ID:            id,
		Parent:        m.parent,
		Path:          im.tree.paths[id],
		Role:          m.role,
		UIDValidity:   m.validity,
		UIDNext:       c.next,
		HighestModSeq: mail.ModSeq(max(c.modseq, 1)),
		Subscribed:    m.subscribed,
		HasChildren:   im.tree.kids[id] > 0,
		Created:       unix(m.created),
		Counts: Counts{
			Total: int(c.total), Unseen: int(c.unseen), Deleted: int(c.deleted), Size: c.size,
		},
	}, true
}

// effect is what a commit changes in memory: first in the head, and in the image and the indexes once it is durable.
type effect struct {
	number   uint64
	row      accountRow
	keywords *keywordTable
	tree     *tree
	counts   []countsOf
	gone     []mail.MailboxID
	adds     []added
	remarks  []remarked
	removes  []uidSet
	dead     []*deadRow
	buried   *deadRow
}

type countsOf struct {
	mailbox mail.MailboxID
	counters
}

type added struct {
	mailbox mail.MailboxID
	entry   entry
}

type remarked struct {
	mailbox mail.MailboxID
	changes []remark
}

// apply brings an image to the effect's number.
func (im *image) apply(ef *effect) {
	im.number, im.row, im.keywords, im.tree = ef.number, ef.row, ef.keywords, ef.tree
	im.dead = im.dead.with(ef)
	for _, c := range ef.counts {
		im.counts[c.mailbox] = c.counters
	}
	for _, id := range ef.gone {
		delete(im.counts, id)
	}
}

// applyIndex brings a mailbox's index to the effect's number.
func (x *index) apply(m mail.MailboxID, ef *effect) {
	if ef.number <= x.number {
		return
	}
	x.number = ef.number
	for i := range ef.removes {
		if ef.removes[i].mailbox == m {
			x.remove(ef.removes[i].uids)
		}
	}
	for i := range ef.remarks {
		if ef.remarks[i].mailbox == m {
			x.remarkAll(ef.remarks[i].changes, ef.number)
		}
	}
	for i := range ef.adds {
		if ef.adds[i].mailbox == m {
			x.push(ef.adds[i].entry)
		}
	}
}
