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

func eventKey(id mail.MessageID, e *Event, index int) []byte {
	rest := make([]byte, 0, 1+eventKeyLen)
	rest = append(rest, prefixEvent)
	rest = append(rest, id.ID[:]...)
	rest = binary.BigEndian.AppendUint64(rest, uint64(max(e.At.UnixMicro(), 0)))
	rest = append(rest, byte(e.Kind), byte(index))
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return partition().Key(append(rest, random[:]...)...)
}

func storyPrefix(id mail.MessageID) []byte {
	return partition().Key(append([]byte{prefixEvent}, id.ID[:]...)...)
}

func accountKey(a mail.AccountID, id mail.ID) []byte {
	return partition().Key(append(append([]byte{prefixAccount}, a.ID[:]...), id[:]...)...)
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

func (e *Event) strings() []*string {
	return []*string{
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
	for tag, s := range e.strings() {
		if s != nil && *s != "" {
			dst = appendField(dst, byte(tag), clip(*s))
		}
	}
	if !e.Next.IsZero() {
		dst = appendField(dst, tagNext, binary.AppendVarint(nil, e.Next.UnixMilli()))
	}
	if !e.Other.IsZero() {
		dst = appendField(dst, tagOther, e.Other.ID[:])
	}
	if e.Size != 0 {
		dst = appendField(dst, tagSize, binary.AppendVarint(nil, e.Size))
	}
	return dst
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

// decodeEvent reads a row.
func decodeEvent(key, value []byte) (mail.MessageID, Event, error) {
	id, at, kind, err := splitEventKey(key)
	if err != nil {
		return id, Event{}, err
	}
	e := Event{At: at, Kind: kind}
	strs := e.strings()
	for len(value) > 0 {
		tag := value[0]
		n, used := binary.Uvarint(value[1:])
		if used <= 0 || n > uint64(len(value)-1-used) {
			return id, Event{}, errRow
		}
		v := value[1+used : 1+used+int(n)]
		value = value[1+used+int(n):]
		if int(tag) < len(strs) && strs[tag] != nil {
			*strs[tag] = string(v)
			continue
		}
		if err := e.decodeOther(tag, v); err != nil {
			return id, Event{}, err
		}
	}
	return id, e, nil
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
