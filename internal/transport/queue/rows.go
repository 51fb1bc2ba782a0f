package queue

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

var errRow = errors.New("queue: damaged row")

// The first byte of a key after its partition's prefix.
const (
	prefixMessage = 'm' // m messageID → message, legs, held
	prefixLeg     = 'l' // l messageID leg(2) → attempts, due, recipients not settled yet
	prefixDue     = 'd' // d due(8) messageID leg(2) → urgent(8) domain
)

const (
	rowVersion = 1
	idLen      = len(mail.ID{})
	dueKeyLen  = 1 + 8 + idLen + 2
	// maxRecipients bounds what a row may claim to hold.
	maxRecipients = 10_000
)

// ref names a leg.
type ref struct {
	id  mail.MessageID
	leg uint16
}

func partitionOf(id mail.MessageID) store.Partition {
	return partitionAt(int(id.ID[idLen-1]) % Partitions)
}

func partitionAt(i int) store.Partition {
	var id mail.ID
	id[idLen-1] = byte(i)
	return store.Partition{Kind: store.KindQueue, ID: id}
}

func messageKey(id mail.MessageID) []byte {
	return partitionOf(id).Key(append([]byte{prefixMessage}, id.ID[:]...)...)
}

func legsPrefix(id mail.MessageID) []byte {
	return partitionOf(id).Key(append([]byte{prefixLeg}, id.ID[:]...)...)
}

func legKey(r ref) []byte { return binary.BigEndian.AppendUint16(legsPrefix(r.id), r.leg) }

func dueKey(r ref, due time.Time) []byte {
	rest := binary.BigEndian.AppendUint64([]byte{prefixDue}, uint64(max(due.UnixMilli(), 0)))
	rest = append(rest, r.id.ID[:]...)
	return partitionOf(r.id).Key(binary.BigEndian.AppendUint16(rest, r.leg)...)
}

// dueRow is a row of the due index: enough to schedule a leg without reading it.
type dueRow struct {
	ref    ref
	due    time.Time
	urgent time.Time // when the leg must be looked at even though its destination is not to be tried
	domain mail.Domain
}

func (d dueRow) value() []byte {
	v := binary.BigEndian.AppendUint64(nil, uint64(d.urgent.UnixMilli()))
	return append(v, d.domain...)
}

// decodeDue reads a due row; before is the row read before it, whose domain as a rule is the same and need not be made again.
func decodeDue(key, value []byte, before mail.Domain) (dueRow, error) {
	rest := key[store.PrefixLen:]
	if len(rest) != dueKeyLen || len(value) < 8 {
		return dueRow{}, errRow
	}
	var d dueRow
	d.due = time.UnixMilli(int64(binary.BigEndian.Uint64(rest[1:])))
	copy(d.ref.id.ID[:], rest[9:])
	d.ref.leg = binary.BigEndian.Uint16(rest[9+idLen:])
	d.urgent = time.UnixMilli(int64(binary.BigEndian.Uint64(value)))
	if d.domain = before; string(value[8:]) != string(before) {
		d.domain = mail.Domain(value[8:])
	}
	return d, nil
}

// message is a message row.
type message struct {
	Message
	legs int // how many it was cut into
	held bool
}

// recipientState is where a recipient of a leg row stands. Settled recipients are not in the row any more.
type recipientState byte

const (
	waiting         recipientState = iota
	failedUntold                   // failed, and the notice about it could not be made yet
	deliveredUntold                // delivered, and so with the notice that was asked for
	expiredUntold                  // too old, and so with the notice
	recipientStates
)

type recipient struct {
	mail.Recipient
	state recipientState
	last  Result // the last attempt's; zero before the first
}

// leg is a leg row.
type leg struct {
	attempts   int
	due        time.Time // zero while held
	delayTold  bool
	recipients []recipient
}

const (
	flagUTF8 = 1 << iota
	flagRequireTLS
	flagHeld
	flagDelayTold
	flagFinal
	flagNotifiesSuccess
	flagJunk
)

func bit(on bool, f byte) byte {
	if on {
		return f
	}
	return 0
}

func (m *message) encode() []byte {
	w := writer{rowVersion, bit(m.UTF8, flagUTF8) | bit(m.RequireTLS, flagRequireTLS) | bit(m.held, flagHeld) | bit(m.Junk, flagJunk)}
	w.str(m.From.String())
	w = append(w, m.Account.ID[:]...)
	w = append(w, byte(m.Lang), byte(m.Return), byte(m.Body))
	w.str(m.EnvID)
	w = append(w, m.Blob.ID.ID[:]...)
	w.num(m.Blob.Size)
	w.num(m.Skip)
	w.time(m.Created)
	w.time(m.Due)
	w.time(m.Expires)
	w.num(int64(m.legs))
	return w
}

func decodeMessage(id mail.MessageID, row []byte) (*message, error) {
	r := reader{b: row}
	m := &message{}
	m.ID = id
	if r.byte() != rowVersion {
		return nil, errRow
	}
	flags := r.byte()
	m.UTF8, m.RequireTLS, m.held = flags&flagUTF8 != 0, flags&flagRequireTLS != 0, flags&flagHeld != 0
	m.Junk = flags&flagJunk != 0
	m.From = r.address()
	m.Account.ID = r.id()
	m.Lang, m.Return, m.Body = text.Lang(r.byte()), mail.Return(r.byte()), mail.Body(r.byte())
	m.EnvID = r.str()
	m.Blob.ID.ID = r.id()
	m.Blob.Size, m.Skip = r.num(), r.num()
	m.Created, m.Due, m.Expires = r.time(), r.time(), r.time()
	m.legs = int(r.num())
	return m, r.err()
}

func (l *leg) encode() []byte {
	w := writer{rowVersion, bit(l.delayTold, flagDelayTold)}
	w.num(int64(l.attempts))
	w.time(l.due)
	w.num(int64(len(l.recipients)))
	for i := range l.recipients {
		r := &l.recipients[i]
		w = append(w, byte(r.state), byte(r.Notify))
		w.str(r.Address.String())
		w.str(r.OriginalType)
		w.str(r.Original)
		if l.attempts > 0 || r.state != waiting {
			w.result(&r.last)
		}
	}
	return w
}

func decodeLeg(row []byte) (*leg, error) {
	r := reader{b: row}
	if r.byte() != rowVersion {
		return nil, errRow
	}
	l := &leg{delayTold: r.byte()&flagDelayTold != 0, attempts: int(r.num()), due: r.time()}
	n := r.num()
	if n < 0 || n > maxRecipients || n > int64(len(r.b)) {
		return nil, errRow
	}
	l.recipients = make([]recipient, n)
	for i := range l.recipients {
		rc := &l.recipients[i]
		rc.state, rc.Notify = recipientState(r.byte()), mail.Notify(r.byte())
		rc.Address, rc.OriginalType, rc.Original = r.address(), r.str(), r.str()
		if l.attempts > 0 || rc.state != waiting {
			rc.last = r.result()
		}
		if rc.state >= recipientStates {
			return nil, errRow
		}
	}
	return l, r.err()
}

// dueKeyIn is where a partition's legs due at a time, in milliseconds, start.
func dueKeyIn(p store.Partition, ms int64) []byte {
	return p.Key(binary.BigEndian.AppendUint64([]byte{prefixDue}, uint64(ms))...)
}
