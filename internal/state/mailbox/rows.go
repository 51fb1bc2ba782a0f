package mailbox

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// accountRow is the account's own row.
type accountRow struct {
	used, limit Quota
	// validity is the last UIDVALIDITY given.
	validity uint32
	// pruned is the highest number whose journal row may be gone.
	pruned uint64
}

func (r *accountRow) append(e enc) enc {
	e = append(e, rowVersion)
	e = e.int(r.used.Bytes).int(r.used.Emails).int(r.limit.Bytes).int(r.limit.Emails)
	return e.uint(uint64(r.validity)).uint(r.pruned)
}

func decodeAccount(b []byte) (accountRow, error) {
	d := newDec(b)
	r := accountRow{
		used:     Quota{Bytes: d.int(), Emails: d.int()},
		limit:    Quota{Bytes: d.int(), Emails: d.int()},
		validity: d.uint32(),
		pruned:   d.uint(),
	}
	return r, d.end("account row")
}

// meta is a mailbox without its counters. A meta is never changed once made.
type meta struct {
	id         mail.MailboxID
	parent     mail.MailboxID
	name       string // one level
	role       mail.Role
	validity   mail.UIDValidity
	subscribed bool
	created    int64 // seconds
}

const maxRoleLen = 64

func (m *meta) encode() []byte {
	e := enc{rowVersion}
	var bits byte
	if m.subscribed {
		bits = 1
	}
	e = append(e, bits).id(m.parent.ID).str(m.name).str(string(m.role))
	return e.uint(uint64(m.validity)).int(m.created)
}

func decodeMeta(id mail.MailboxID, b []byte) (*meta, error) {
	d := newDec(b)
	m := &meta{id: id}
	m.subscribed = d.byte()&1 != 0
	m.parent = mail.MailboxID{ID: d.id()}
	m.name = d.str(MaxNameLen)
	m.role = mail.Role(d.str(maxRoleLen))
	m.validity = mail.UIDValidity(d.uint32())
	m.created = d.int()
	return m, d.end("mailbox row")
}

// counters are a mailbox's numbers.
type counters struct {
	next                   mail.UID
	total, unseen, deleted int64
	size                   int64
	modseq                 uint64
	overlays               uint64 // how many rows of that kind there are
}

func (c *counters) append(e enc) enc {
	e = append(e, rowVersion).uint(uint64(c.next))
	return e.int(c.total).int(c.unseen).int(c.deleted).int(c.size).uint(c.modseq).uint(c.overlays)
}

func decodeCounters(b []byte) (counters, error) {
	d := newDec(b)
	c := counters{next: mail.UID(d.uint32())}
	c.total, c.unseen, c.deleted, c.size, c.modseq = d.int(), d.int(), d.int(), d.int(), d.uint()
	c.overlays = d.uint()
	return c, d.end("counters row")
}

// add counts a place in, sub counts it out.
func (c *counters) add(e *entry) { c.count(e, 1) }

func (c *counters) sub(e *entry) { c.count(e, -1) }

func (c *counters) count(e *entry, by int64) {
	c.total += by
	c.size += by * int64(e.size)
	if !e.marks.has(uint64(mail.FlagSeen)) {
		c.unseen += by
	}
	if e.marks.has(uint64(mail.FlagDeleted)) {
		c.deleted += by
	}
}

// entry is a place: 48 bytes in memory.
type entry struct {
	email    mail.EmailID
	uid      mail.UID
	marks    marks
	modseq   uint64
	received uint32 // seconds since 1970
	size     uint32
}

// placeLen is the longest place row.
const placeLen = 1 + idLen + 16 + 3*binary.MaxVarintLen64

func (en *entry) append(e enc) enc {
	e = append(e, rowVersion).id(en.email.ID)
	e = e.uint(en.modseq).uint(uint64(en.size))
	e = binary.BigEndian.AppendUint32(e, en.received)
	return e.uint(en.marks.lo &^ markGone).uint(en.marks.hi)
}

// decodePlace reads a place row without allocation.
func decodePlace(uid mail.UID, b []byte) (entry, error) {
	d := newDec(b)
	en := entry{uid: uid, email: mail.EmailID{ID: d.id()}, modseq: d.uint(), size: d.uint32()}
	if len(d.b) < 4 {
		d.fail()
	} else {
		en.received = binary.BigEndian.Uint32(d.b)
		d.b = d.b[4:]
	}
	en.marks = marks{lo: d.uint(), hi: d.uint()}
	if en.marks.has(markGone) {
		d.fail()
	}
	return en, d.end("place row")
}

func (en *entry) time() time.Time { return time.Unix(int64(en.received), 0).UTC() }

// seconds is a time as an entry keeps it.
func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), 1<<32-1)) }

// spot is a place as an e-mail's row names it.
type spot struct {
	mailbox mail.MailboxID
	uid     mail.UID
}

// emailRow is an e-mail without what its place rows hold.
type emailRow struct {
	blob     store.BlobRef
	thread   mail.ThreadID
	received uint32
	hashes   []threadHash
	spots    []spot
}

func (r *emailRow) append(e enc) enc {
	e = append(e, rowVersion).id(r.blob.ID.ID).uint(uint64(r.blob.Size)).id(r.thread.ID)
	e = binary.BigEndian.AppendUint32(e, r.received)
	e = e.uint(uint64(len(r.hashes)))
	for i := range r.hashes {
		e = append(e, r.hashes[i][:]...)
	}
	e = e.uint(uint64(len(r.spots)))
	for _, p := range r.spots {
		e = e.id(p.mailbox.ID).uint(uint64(p.uid))
	}
	return e
}

// decodeBlobRef reads no more of an e-mail's row than its body.
func decodeBlobRef(b []byte) (store.BlobRef, error) {
	d := newDec(b)
	ref := store.BlobRef{ID: store.BlobID{ID: d.id()}, Size: int64(d.uint())}
	if !d.ok {
		return store.BlobRef{}, fmt.Errorf("decode e-mail row: %w", errRow)
	}
	return ref, nil
}

func decodeEmail(b []byte) (emailRow, error) {
	d := newDec(b)
	var r emailRow
	r.blob.ID = store.BlobID{ID: d.id()}
	r.blob.Size = int64(d.uint())
	r.thread = mail.ThreadID{ID: d.id()}
	if len(d.b) < 4 {
		d.fail()
	} else {
		r.received = binary.BigEndian.Uint32(d.b)
		d.b = d.b[4:]
	}
	if n := d.count(hashLen); n > 0 {
		r.hashes = make([]threadHash, n)
		for i := range r.hashes {
			copy(r.hashes[i][:], d.b)
			d.b = d.b[hashLen:]
		}
	}
	if n := d.count(idLen + 1); n > 0 {
		r.spots = make([]spot, n)
		for i := range r.spots {
			r.spots[i] = spot{mailbox: mail.MailboxID{ID: d.id()}, uid: mail.UID(d.uint32())}
		}
	}
	return r, d.end("e-mail row")
}

// spotIn finds the e-mail's place in a mailbox.
func (r *emailRow) spotIn(m mail.MailboxID) (mail.UID, bool) {
	for _, p := range r.spots {
		if p.mailbox == m {
			return p.uid, true
		}
	}
	return 0, false
}
