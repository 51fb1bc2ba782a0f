package mailbox

import (
	"log/slog"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// Limits of an account. What is over them is refused with mail.KindLimit.
const (
	// MaxKeywords bounds the different keywords one account can have used, ever.
	MaxKeywords = 120
	// MaxMailboxes bounds the mailboxes of an account.
	MaxMailboxes = 5000
	// MaxDepth bounds the levels of a mailbox's path.
	MaxDepth = 16
	// MaxNameLen bounds one level of a path, in bytes of UTF-8.
	MaxNameLen = 200
	// MaxMessageSize bounds a message in bytes.
	MaxMessageSize = 1<<32 - 1
)

// Separator stands between the levels of a path.
const Separator = "/"

// Inbox is the path of the inbox; it is matched without case.
const Inbox = "INBOX"

// Options are what a Service is built with. The zero value works.
type Options struct {
	Clock clock.Clock  // nil: the real one
	Log   *slog.Logger // nil: none
	// CacheBytes bounds the memory for message indexes that no session is looking at; 0 means 256 MiB.
	CacheBytes int64
	// Journal is how many of an account's last changes Changes and Vanished can tell; 0 means 65536.
	Journal uint64
}

// Quota is an amount or a limit of an account. In a limit, 0 means none.
type Quota struct {
	Bytes  int64
	Emails int64
}

// BirthOptions say how a new account looks.
type BirthOptions struct {
	Lang  text.Lang // of the mailboxes' names
	Quota Quota     // the limit
}

// Append is one message to be stored in one account.
type Append struct {
	Account mail.AccountID
	EmailID mail.EmailID // minted by the caller; zero: minted here
	// New says that EmailID was minted for this very Append, so nobody can have stored the e-mail before, and it is not looked for.
	New bool
	// Mailboxes are where it goes; if there are none, the mailbox with the Role, and if there is none such or Role is empty,
	// the inbox.
	Mailboxes []mail.MailboxID
	Role      mail.Role
	Flags     mail.Flags
	Keywords  []string
	Received  time.Time // INTERNALDATE, receivedAt; kept in seconds, 1970 to 2106; zero: now
	// Blob is the body. The e-mail's reference to it is added here; AddBlob is the caller's, once.
	Blob store.BlobRef
	// Summary is stored beside, so that listing and describing need no body, and threads are found by it. It is not changed.
	Summary *message.Summary
}

// Appended is what became of an Append.
type Appended struct {
	Account mail.AccountID
	EmailID mail.EmailID
	Thread  mail.ThreadID
	ModSeq  mail.ModSeq
	Places  []Place
}

// Place is an e-mail's place in a mailbox.
type Place struct {
	Mailbox     mail.MailboxID
	UID         mail.UID
	UIDValidity mail.UIDValidity
}

// Mailbox is a mailbox and its counters at one moment.
type Mailbox struct {
	ID     mail.MailboxID
	Parent mail.MailboxID // zero at the top level
	// Path is the levels' names joined with Separator, in NFC; the inbox is "INBOX".
	Path          string
	Role          mail.Role
	UIDValidity   mail.UIDValidity
	UIDNext       mail.UID
	HighestModSeq mail.ModSeq
	Subscribed    bool
	HasChildren   bool
	Created       time.Time
	Counts        Counts
}

// Counts are a mailbox's counters.
type Counts struct {
	Total   int
	Unseen  int
	Deleted int   // places with \Deleted
	Size    int64 // bytes of all messages
}

// CreateOptions say how a new mailbox looks.
type CreateOptions struct{ Role mail.Role }

// Subscription says whether a name is subscribed (RFC 9051 section 6.3.7).
type Subscription uint8

// The subscriptions.
const (
	Unsubscribed Subscription = iota
	Subscribed
)

// Message is a place as a listing shows it.
type Message struct {
	UID      mail.UID
	EmailID  mail.EmailID
	Flags    mail.Flags
	Keywords []string // sorted; shared: do not change
	Size     int64
	Received time.Time // UTC, in seconds
	ModSeq   mail.ModSeq
	// Gone says that the message is expunged and only keeps its sequence number until the session may hear of it
	// (RFC 9051 section 7.5.1).
	Gone bool
}

// Email is the full record of an e-mail.
type Email struct {
	ID       mail.EmailID
	Thread   mail.ThreadID
	Blob     store.BlobRef
	Size     int64
	Received time.Time
	Flags    mail.Flags // without \Deleted
	Keywords []string
	Places   []Place
}

// SyncMode says what a Sync may do to a session's sequence numbers.
type SyncMode uint8

// The modes.
const (
	// SyncAll takes expunged messages out.
	SyncAll SyncMode = iota
	// SyncKeep leaves expunged messages in as placeholders, for commands during which no EXPUNGE may be sent.
	SyncKeep
)

// Ref is a message of a view.
type Ref struct {
	Seq int
	UID mail.UID
}

// Changes is what a Sync brought to a view.
type Changes struct {
	// Vanished are the messages taken out, from the highest sequence number down, so that each number is right when it is told
	// in this order.
	Vanished []Ref
	// New is how many messages were added at the end.
	New int
	// Changed are old messages with other flags or keywords, ascending, with the sequence numbers after the Sync. With SyncKeep
	// it does not tell of placeholders.
	Changed []Ref
	// Keywords says that the account has new keywords (IMAP tells FLAGS).
	Keywords bool
	// MailboxGone says that the mailbox was deleted: the session must leave it.
	MailboxGone bool
	// ModSeq is the highest modseq of the mailbox now.
	ModSeq mail.ModSeq
}

// Empty reports whether nothing happened.
func (c *Changes) Empty() bool {
	return len(c.Vanished) == 0 && c.New == 0 && len(c.Changed) == 0 && !c.Keywords && !c.MailboxGone
}

// FlagMode says what a FlagChange does with the flags and keywords named.
type FlagMode uint8

// The modes.
const (
	FlagsAdd FlagMode = iota
	FlagsRemove
	FlagsReplace
)

// FlagChange is a change of flags and keywords.
type FlagChange struct {
	Mode     FlagMode
	Flags    mail.Flags
	Keywords []string
	// UnchangedSince leaves messages alone that have a higher modseq (RFC 7162 section 3.1.3); nil: none.
	UnchangedSince *mail.ModSeq
}

// FlagResult is what became of a FlagChange.
type FlagResult struct {
	// ModSeq is the number of the commit; of the account as it was if nothing changed.
	ModSeq mail.ModSeq
	// Changed are the messages that have other flags now, Modified those that UnchangedSince saved; both ascending.
	Changed, Modified []mail.UID
}

// Copied is what became of a copy or a move: the message Src[i] of the source is Dst[i] of the target (RFC 4315).
type Copied struct {
	UIDValidity mail.UIDValidity // of the target
	ModSeq      mail.ModSeq
	Src, Dst    []mail.UID
}

// ChangeLog is what happened to an account after a number (JMAP /changes).
type ChangeLog struct {
	Since, Until mail.ModSeq
	// More says that there are further changes after Until.
	More   bool
	Emails Delta[mail.EmailID]
	// Mailboxes' changes are of the mailboxes themselves; CountsOnly are those of Updated where only counters changed.
	Mailboxes  Delta[mail.MailboxID]
	CountsOnly []mail.MailboxID
	Threads    []mail.ThreadID // changed, made or gone
}

// Delta is what was made, changed and destroyed; each id is in at most one of the lists.
type Delta[T any] struct{ Created, Updated, Destroyed []T }
