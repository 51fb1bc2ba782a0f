package mailbox

import (
	"encoding/binary"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// The kinds of rows; doc.go has the layout.
const (
	rowAccount  byte = 'a'
	rowKeywords byte = 'k'
	rowMailbox  byte = 'm'
	rowCounters byte = 'c'
	rowPlace    byte = 'p'
	rowEmail    byte = 'e'
	rowSummary  byte = 's'
	rowIndex    byte = 't'
	rowMember   byte = 'r'
	rowJournal  byte = 'j'
	rowName     byte = 'n'
	rowOverlay  byte = 'o'
	rowDead     byte = 'd'
)

const (
	idLen   = len(mail.ID{})
	keyHead = store.PrefixLen + 1 // partition and kind
	hashLen = 10
)

// keyBuf is a key being made without allocation; no key but a name's is longer.
type keyBuf struct {
	b [keyHead + idLen + idLen]byte
	n int
}

func partition(a mail.AccountID) store.Partition {
	return store.Partition{Kind: store.KindAccount, ID: a.ID}
}

func newKey(a mail.AccountID, row byte) keyBuf {
	var k keyBuf
	k.b[0] = byte(store.KindAccount)
	copy(k.b[1:], a.ID[:])
	k.b[keyHead-1] = row
	k.n = keyHead
	return k
}

func (k *keyBuf) id(id mail.ID) *keyBuf {
	k.n += copy(k.b[k.n:], id[:])
	return k
}

func (k *keyBuf) bytes() []byte { return k.b[:k.n] }

func singleKey(a mail.AccountID, row byte) keyBuf { return newKey(a, row) }

func idKey(a mail.AccountID, row byte, id mail.ID) keyBuf {
	k := newKey(a, row)
	k.id(id)
	return k
}

func placeKey(a mail.AccountID, m mail.MailboxID, uid mail.UID) keyBuf {
	k := idKey(a, rowPlace, m.ID)
	binary.BigEndian.PutUint32(k.b[k.n:], uint32(uid))
	k.n += 4
	return k
}

func journalKey(a mail.AccountID, number uint64) keyBuf {
	k := newKey(a, rowJournal)
	binary.BigEndian.PutUint64(k.b[k.n:], number)
	k.n += 8
	return k
}

func indexKey(a mail.AccountID, h threadHash) keyBuf {
	k := newKey(a, rowIndex)
	k.n += copy(k.b[k.n:], h[:])
	return k
}

func deadKey(a mail.AccountID, r *deadRow) keyBuf {
	k := newKey(a, rowDead)
	binary.BigEndian.PutUint64(k.b[k.n:], r.number)
	binary.BigEndian.PutUint16(k.b[k.n+8:], r.part)
	k.n += 10
	return k
}

// waitingKey is of the row that says that an account has dead e-mails. It is of no account's partition.
func waitingKey(a mail.AccountID) keyBuf { return idKey(mail.AccountID{}, rowDead, a.ID) }

func memberKey(a mail.AccountID, t mail.ThreadID, id mail.EmailID) keyBuf {
	k := idKey(a, rowMember, t.ID)
	k.id(id.ID)
	return k
}

func nameKey(a mail.AccountID, path string) []byte {
	k := newKey(a, rowName)
	return append(append([]byte(nil), k.bytes()...), path...)
}

// rowRange is all rows of one kind.
func rowRange(a mail.AccountID, row byte) store.Range {
	k := newKey(a, row)
	return store.PrefixRange(append([]byte(nil), k.bytes()...))
}

func idRange(a mail.AccountID, row byte, id mail.ID) store.Range {
	k := idKey(a, row, id)
	return store.PrefixRange(append([]byte(nil), k.bytes()...))
}
