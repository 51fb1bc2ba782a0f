package mail

import "strings"

// Flags is the set of IMAP system flags (RFC 9051 section 2.3.2). All but Deleted belong to the e-mail, in all of its
// mailboxes; Deleted belongs to the e-mail in one mailbox (RFC 8621 section 4.1.1).
type Flags uint8

// The system flags.
const (
	FlagSeen Flags = 1 << iota
	FlagAnswered
	FlagFlagged
	FlagDraft
	FlagDeleted
)

// Has reports whether all flags of f2 are in f.
func (f Flags) Has(f2 Flags) bool { return f&f2 == f2 }

var systemFlags = [...]struct {
	flag          Flags
	imap, keyword string
}{
	{FlagSeen, `\Seen`, "$seen"},
	{FlagAnswered, `\Answered`, "$answered"},
	{FlagFlagged, `\Flagged`, "$flagged"},
	{FlagDraft, `\Draft`, "$draft"},
	{FlagDeleted, `\Deleted`, ""},
}

// IMAP lists the flags as IMAP writes them, in a fixed order.
func (f Flags) IMAP() []string {
	var out []string
	for _, s := range systemFlags {
		if f.Has(s.flag) {
			out = append(out, s.imap)
		}
	}
	return out
}

// FlagFromIMAP finds a system flag by IMAP's name, in any case; zero if it is none.
func FlagFromIMAP(name string) Flags {
	for _, s := range systemFlags {
		if strings.EqualFold(name, s.imap) {
			return s.flag
		}
	}
	return 0
}

// FlagFromKeyword finds a system flag by JMAP's keyword (RFC 8621 section 4.1.1); zero if it is none.
func FlagFromKeyword(keyword string) Flags {
	for _, s := range systemFlags {
		if s.keyword != "" && strings.EqualFold(keyword, s.keyword) {
			return s.flag
		}
	}
	return 0
}

// MaxKeywordLen bounds a keyword's length in bytes (RFC 8621 section 4.1.1).
const MaxKeywordLen = 255

// ValidKeyword reports whether a user keyword can be stored: an IMAP atom that is not a system flag, ASCII, at most
// MaxKeywordLen bytes. Keywords compare without case and are kept in lower case.
func ValidKeyword(k string) bool {
	if k == "" || len(k) > MaxKeywordLen {
		return false
	}
	for i := range len(k) {
		c := k[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return FlagFromKeyword(k) == 0
}

// Role is what a mailbox is for (RFC 8621 section 2, RFC 6154); empty for a mailbox without one.
type Role string

// The roles made with an account, and RoleNone.
const (
	RoleNone    Role = ""
	RoleInbox   Role = "inbox"
	RoleDrafts  Role = "drafts"
	RoleSent    Role = "sent"
	RoleTrash   Role = "trash"
	RoleJunk    Role = "junk"
	RoleArchive Role = "archive"
)
