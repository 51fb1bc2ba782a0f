package mail

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"time"
)

// ID names a thing for ever: a message, an e-mail, an account, a mailbox, a body. It is 48 bits of milliseconds since
// 1970 followed by 48 random bits, so ids sort by birth and need no counter; they are minted before a commit is first
// tried, so that a commit whose outcome is unknown can be looked up. The zero ID names nothing.
type ID [12]byte

// idAlphabet is lower-case base32hex: it keeps the byte order, and a name in it is safe in a path, an address and a
// case-insensitive protocol.
const idAlphabet = "0123456789abcdefghijklmnopqrstuv"

// IDTextLen is the length of an ID as text.
const IDTextLen = 20

var (
	idEncoding = base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)
	errBadID   = errors.New("mail: not an id")
)

// NewID mints an id at the given time.
func NewID(now time.Time) ID {
	var id ID
	putMillis(&id, now)
	// crypto/rand.Read never fails: it ends the program if the system has no randomness.
	_, _ = rand.Read(id[6:])
	return id
}

// FirstID is the smallest id that could have been minted at the given time; ranges of ids by age start at it.
func FirstID(at time.Time) ID {
	var id ID
	putMillis(&id, at)
	return id
}

func putMillis(id *ID, t time.Time) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(t.UnixMilli(), 0)))
	copy(id[:6], ms[2:])
}

// ParseID reads the text form of an id; upper case is accepted, as a person may type it.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != IDTextLen {
		return id, errBadID
	}
	var lower [IDTextLen]byte
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	var out [13]byte
	n, err := idEncoding.Decode(out[:], lower[:])
	if err != nil || n != len(id) {
		return id, errBadID
	}
	copy(id[:], out[:])
	if id.String() != string(lower[:]) { // 20 characters carry 100 bits; the last 4 must be zero
		return ID{}, errBadID
	}
	return id, nil
}

// IDFromBytes reads an id from a key or a row.
func IDFromBytes(b []byte) (ID, error) {
	var id ID
	if len(b) != len(id) {
		return id, errBadID
	}
	copy(id[:], b)
	return id, nil
}

// String is the text form, 20 characters of 0-9 and a-v, in the same order as the bytes.
func (id ID) String() string { return idEncoding.EncodeToString(id[:]) }

// IsZero reports whether the id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Time is when the id was minted, to the millisecond.
func (id ID) Time() time.Time {
	var ms [8]byte
	copy(ms[2:], id[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:])))
}

// Compare orders ids by birth.
func (id ID) Compare(other ID) int {
	for i := range id {
		if id[i] != other[i] {
			return int(id[i]) - int(other[i])
		}
	}
	return 0
}

// MarshalText and UnmarshalText make ids strings in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the text form.
func (id *ID) UnmarshalText(b []byte) error {
	parsed, err := ParseID(string(b))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// Ids of different things are different types, so that the compiler keeps them apart.
type (
	// AccountID names an account: one person's or role's mail, one partition of the store.
	AccountID struct{ ID }
	// MailboxID names a mailbox of an account (RFC 8621 section 2).
	MailboxID struct{ ID }
	// EmailID names an e-mail in an account (RFC 8621 section 4). A message delivered to several accounts has one
	// MessageID and, in each account, an EmailID.
	EmailID struct{ ID }
	// ThreadID names a thread of an account (RFC 8621 section 3).
	ThreadID struct{ ID }
	// MessageID names one acceptance of a message by this server: the 250 tells it, the queue and the journey are
	// keyed by it. It is not the Message-ID header field, which belongs to the author.
	MessageID struct{ ID }
)
