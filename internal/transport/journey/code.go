package journey

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// maxString bounds each string of an event, in bytes.
const maxString = 2000

// The tags of a row's fields. A row is a sequence of tag, uvarint length, bytes; empty fields are left out, unknown ones are
// skipped, so that a field can be added.
const (
	tagAccount byte = iota + 1
	tagFrom
	tagRecipient
	tagTarget
	tagVia
	tagProtocol
	tagLogin
	tagServer
	tagAddress
	tagTLS
	tagPolicy
	tagMailbox
	tagCheck
	tagReply
	tagDetail
	tagNext
	tagOther
	tagSize
	// tagMore is another event of the same row: its kind and its fields.
	tagMore
)

var errRow = errors.New("journey: damaged row")

const (
	prefixEvent   = 'e'
	prefixAccount = 'a'
	idLen         = len(mail.ID{})
	// eventKeyLen is the length of an event's key after the prefix byte.
	eventKeyLen = idLen + 8 + 1 + 1 + 4
)

func partition() store.Partition { return store.Partition{Kind: store.KindJourney} }

// appendEventKey makes the key of a row whose first event is e.
func appendEventKey(dst []byte, id mail.MessageID, e *Event, index int) []byte {
	dst = append(partition().AppendPrefix(dst), prefixEvent)
	dst = append(dst, id.ID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, micros(e))
	dst = append(dst, byte(e.Kind), byte(index), 0, 0, 0, 0)
	_, _ = rand.Read(dst[len(dst)-4:]) // never fails
	return dst
}

func micros(e *Event) uint64 { return uint64(max(e.At.UnixMicro(), 0)) }

func storyPrefix(id mail.MessageID) []byte {
	return partition().Key(append([]byte{prefixEvent}, id.ID[:]...)...)
}

func accountKey(a mail.AccountID, id mail.ID) []byte { return appendAccountKey(nil, a, id) }

func appendAccountKey(dst []byte, a mail.AccountID, id mail.ID) []byte {
	dst = append(partition().AppendPrefix(dst), prefixAccount)
	return append(append(dst, a.ID[:]...), id[:]...)
}

// splitEventKey reads an event's key.
func splitEventKey(key []byte) (id mail.MessageID, at time.Time, kind Kind, err error) {
	rest := key[store.PrefixLen:]
	if len(rest) != 1+eventKeyLen {
		return id, at, 0, errRow
	}
	copy(id.ID[:], rest[1:])
	rest = rest[1+idLen:]
	return id, time.UnixMicro(int64(binary.BigEndian.Uint64(rest))), Kind(rest[8]), nil
}

func (e *Event) strings() [tagDetail + 1]*string {
	return [tagDetail + 1]*string{
		tagFrom: &e.From, tagRecipient: &e.Recipient, tagTarget: &e.Target, tagVia: &e.Via, tagProtocol: &e.Protocol,
		tagLogin: &e.Login, tagServer: &e.Server, tagAddress: &e.Address, tagTLS: &e.TLS, tagPolicy: &e.Policy,
		tagMailbox: &e.Mailbox, tagCheck: &e.Check, tagReply: &e.Reply, tagDetail: &e.Detail,
	}
}

func appendField[T string | []byte](dst []byte, tag byte, v T) []byte {
	dst = append(dst, tag)
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	return append(dst, v...)
}

// appendEvent encodes what is not in the key.
func appendEvent(dst []byte, e *Event) []byte {
	if !e.Account.IsZero() {
		dst = appendField(dst, tagAccount, e.Account.ID[:])
	}
	strs := e.strings()
	for tag, s := range strs {
		if s != nil && *s != "" {
			dst = appendField(dst, byte(tag), clip(*s))
		}
	}
	if !e.Next.IsZero() {
		dst = appendNumber(dst, tagNext, e.Next.UnixMilli())
	}
	if !e.Other.IsZero() {
		dst = appendField(dst, tagOther, e.Other.ID[:])
	}
	if e.Size != 0 {
		dst = appendNumber(dst, tagSize, e.Size)
	}
	return dst
}

func appendNumber(dst []byte, tag byte, v int64) []byte {
	var b [binary.MaxVarintLen64]byte
	return appendField(dst, tag, b[:binary.PutVarint(b[:], v)])
}

// appendMore adds another event of the same moment to a row.
func appendMore(dst, scratch []byte, e *Event) (row, newScratch []byte) {
	scratch = appendEvent(append(scratch[:0], byte(e.Kind)), e)
	return appendField(dst, tagMore, scratch), scratch
}

// clip bounds a string, at a rune.
func clip(s string) string {
	if len(s) <= maxString {
		return s
	}
	n := maxString
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// decodeRow reads the events of a row, behind others.
func decodeRow(out []Event, key, value []byte) ([]Event, error) {
	_, at, kind, err := splitEventKey(key)
	if err != nil {
		return out, err
	}
	first := len(out)
	out = append(out, Event{})
	e := Event{At: at, Kind: kind}
	err = e.decode(value, func(more []byte) error {
		if len(more) == 0 || len(out)-first == maxRowEvents {
			return errRow
		}
		next := Event{At: at, Kind: Kind(more[0])}
		err := next.decode(more[1:], func([]byte) error { return errRow })
		out = append(out, next)
		return err
	})
	out[first] = e
	return out, err
}

// decode reads an event's fields; more gets what else is in its row.
func (e *Event) decode(value []byte, more func([]byte) error) error {
	strs := e.strings()
	for len(value) > 0 {
		tag := value[0]
		n, used := binary.Uvarint(value[1:])
		if used <= 0 || n > uint64(len(value)-1-used) {
			return errRow
		}
		v := value[1+used : 1+used+int(n)]
		value = value[1+used+int(n):]
		if int(tag) < len(strs) && strs[tag] != nil {
			*strs[tag] = string(v)
			continue
		}
		var err error
		if tag == tagMore {
			err = more(v)
		} else {
			err = e.decodeOther(tag, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Event) decodeOther(tag byte, v []byte) (err error) {
	switch tag {
	case tagAccount:
		e.Account.ID, err = mail.IDFromBytes(v)
	case tagOther:
		e.Other.ID, err = mail.IDFromBytes(v)
	case tagNext:
		ms, n := binary.Varint(v)
		if n <= 0 {
			return errRow
		}
		e.Next = time.UnixMilli(ms)
	case tagSize:
		size, n := binary.Varint(v)
		if n <= 0 {
			return errRow
		}
		e.Size = size
	}
	return err
}
