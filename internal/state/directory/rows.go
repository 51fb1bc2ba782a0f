package directory

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// The first byte of a key within the partition; the layout is described in doc.go.
const (
	rowAccount    = 'A'
	rowDomain     = 'D'
	rowName       = 'N'
	rowPassword   = 'P'
	rowSecret     = 'S'
	nameSeparator = 0 // between domain and local part; it is in neither
)

var partition = store.Partition{Kind: store.KindDirectory}

func secretKey() []byte { return partition.Key(rowSecret) }

func domainKey(d mail.Domain) []byte { return textKey(rowDomain, string(d)) }

func accountKey(id mail.AccountID) []byte {
	return append(partition.Key(rowAccount), id.ID[:]...)
}

func passwordKey(id mail.AccountID) []byte {
	return append(partition.Key(rowPassword), id.ID[:]...)
}

func textKey(row byte, s string) []byte {
	k := partition.AppendPrefix(make([]byte, 0, store.PrefixLen+1+len(s)))
	return append(append(k, row), s...)
}

// nameKey is the key of an address: domain first, so that a domain's names lie together and in order.
func nameKey(a mail.Address) []byte {
	k := partition.AppendPrefix(make([]byte, 0, store.PrefixLen+2+len(a.Domain)+len(a.Local)))
	k = append(append(k, rowName), a.Domain...)
	return append(append(k, nameSeparator), localKey(a.Local)...)
}

// localKey is a local part for comparing: lower case, in NFC.
func localKey(local string) string { return norm.NFC.String(strings.ToLower(local)) }

// sameAddress compares as nameKey does.
func sameAddress(a, b mail.Address) bool {
	return a.Domain == b.Domain && localKey(a.Local) == localKey(b.Local)
}

// nameKind is the first byte of a name row's value.
type nameKind byte

const (
	nameAccount nameKind = 'a' // then: 1 if it is the primary address, else 0; the account's id
	nameAlias   nameKind = 'l' // then: an Alias in JSON
	nameGroup   nameKind = 'g' // then: a Group in JSON
)

// nameRow is what an address is. Members are targets too.
type nameRow struct {
	kind    nameKind
	account mail.AccountID
	primary bool
	alias   Alias
	group   Group
}

func (n *nameRow) targets() []mail.Address {
	if n.kind == nameGroup {
		return n.group.Members
	}
	return n.alias.Targets
}

func (n *nameRow) encode() ([]byte, error) {
	switch n.kind {
	case nameAlias:
		return encodeTail(n.kind, n.alias)
	case nameGroup:
		return encodeTail(n.kind, n.group)
	}
	out := []byte{byte(nameAccount), 0}
	if n.primary {
		out[1] = 1
	}
	return append(out, n.account.ID[:]...), nil
}

func encodeTail(k nameKind, v any) ([]byte, error) {
	j, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a name row: %w", err)
	}
	return append([]byte{byte(k)}, j...), nil
}

func decodeName(v []byte) (*nameRow, error) {
	n := &nameRow{}
	if len(v) == 0 {
		return nil, fmt.Errorf("decode a name row: empty")
	}
	n.kind = nameKind(v[0])
	var err error
	switch n.kind {
	case nameAlias:
		err = json.Unmarshal(v[1:], &n.alias)
	case nameGroup:
		err = json.Unmarshal(v[1:], &n.group)
	case nameAccount:
		n.primary = len(v) > 1 && v[1] == 1
		n.account.ID, err = mail.IDFromBytes(v[min(2, len(v)):])
	default:
		err = fmt.Errorf("unknown kind %q", v[0])
	}
	if err != nil {
		return nil, fmt.Errorf("decode a name row: %w", err)
	}
	return n, nil
}

func decodeDomain(v []byte) (*Domain, error)     { return decodeJSON[Domain](v, "domain") }
func decodeAccount(v []byte) (*Account, error)   { return decodeJSON[Account](v, "account") }
func decodePassword(v []byte) (*password, error) { return decodeJSON[password](v, "password") }

func decodeJSON[T any](v []byte, what string) (*T, error) {
	out := new(T)
	if err := json.Unmarshal(v, out); err != nil {
		return nil, fmt.Errorf("decode a %s row: %w", what, err)
	}
	return out, nil
}

// password is what is kept of a password.
type password struct {
	Argon   argonHash `json:"argon2id"`
	Scram   scramRow  `json:"scramSHA256"`
	Changed time.Time `json:"changed"`
}

// argonHash holds its parameters, so that new defaults do not touch old passwords.
type argonHash struct {
	MemoryKiB uint32 `json:"m"`
	Passes    uint32 `json:"t"`
	Threads   uint8  `json:"p"`
	Salt      []byte `json:"salt"`
	Hash      []byte `json:"hash"`
}

type scramRow struct {
	Salt       []byte `json:"salt"`
	Iterations int    `json:"i"`
	StoredKey  []byte `json:"stored"`
	ServerKey  []byte `json:"server"`
}
