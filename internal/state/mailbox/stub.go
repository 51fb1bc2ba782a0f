package mailbox

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

func unsupported() error { return mail.Refuse(mail.KindUnsupported, "not built yet") }

// Service keeps every account's mail in a store. It is safe for use by many goroutines.
type Service struct{}

// New makes a Service. The store stays the caller's.
func New(st store.Store, o Options) *Service { return &Service{} }

// Close ends the Service after the commits under way. No call may follow.
func (s *Service) Close() {}

// Birth adds a new account's rows to the batch that makes it: the mailboxes with roles and the quota.
func (s *Service) Birth(b *store.Batch, a mail.AccountID, o BirthOptions) {}

// Death adds the removal of an account to the batch. Nothing may be delivered to it any more.
func (s *Service) Death(ctx context.Context, b *store.Batch, a mail.AccountID) error { return unsupported() }

// Deliver is the one commit.
func (s *Service) Deliver(ctx context.Context, appends []Append, build func(b *store.Batch) error) ([]Appended, error) {
	return nil, unsupported()
}

// CheckQuota reports whether a message of this size may still come into the account: KindOverQuota or KindTooLarge if not.
func (s *Service) CheckQuota(ctx context.Context, a mail.AccountID, bytes int64) error { return unsupported() }

// Account gives a handle; it costs nothing and is never closed.
func (s *Service) Account(id mail.AccountID) *Account { return &Account{} }

// Account is one account's mail.
type Account struct{}

// ID is the account's id.
func (a *Account) ID() mail.AccountID { return mail.AccountID{} }

// Mailboxes lists the mailboxes sorted by path, the inbox first.
func (a *Account) Mailboxes(ctx context.Context) ([]Mailbox, error) { return nil, unsupported() }

// ByPath, ByID and ByRole find one mailbox; KindNotFound if there is none.
func (a *Account) ByPath(ctx context.Context, path string) (Mailbox, error) { return Mailbox{}, unsupported() }

// ByID finds a mailbox by its id.
func (a *Account) ByID(ctx context.Context, id mail.MailboxID) (Mailbox, error) {
	return Mailbox{}, unsupported()
}

// ByRole finds the mailbox with a role.
func (a *Account) ByRole(ctx context.Context, r mail.Role) (Mailbox, error) { return Mailbox{}, unsupported() }

// Create makes a mailbox, and those above it that are missing.
func (a *Account) Create(ctx context.Context, path string, o CreateOptions) (Mailbox, error) {
	return Mailbox{}, unsupported()
}

// Rename moves a mailbox and all below it to a new path. Renaming the inbox moves its messages into a new mailbox.
func (a *Account) Rename(ctx context.Context, id mail.MailboxID, path string) error { return unsupported() }

// Delete removes a mailbox and its messages. KindNotAllowed for the inbox and, wrapping ErrHasChildren, if there are
// mailboxes below it.
func (a *Account) Delete(ctx context.Context, id mail.MailboxID) error { return unsupported() }

// Subscribe sets or takes the subscription of a name; no mailbox need have it.
func (a *Account) Subscribe(ctx context.Context, path string, on Subscription) error { return unsupported() }

// Subscriptions lists all subscribed names, sorted; also of mailboxes that are gone.
func (a *Account) Subscriptions(ctx context.Context) ([]string, error) { return nil, unsupported() }

// Keywords lists the keywords ever used in the account.
func (a *Account) Keywords(ctx context.Context) ([]string, error) { return nil, unsupported() }

// Open gives a view of a mailbox as it is now.
func (a *Account) Open(ctx context.Context, id mail.MailboxID) (*View, error) { return nil, unsupported() }

// Summary reads an e-mail's summary.
func (a *Account) Summary(ctx context.Context, id mail.EmailID) (*message.Summary, error) {
	return nil, unsupported()
}

// Body opens an e-mail's body. It must be closed.
func (a *Account) Body(ctx context.Context, id mail.EmailID) (store.Blob, error) { return nil, unsupported() }

// Email reads an e-mail's record.
func (a *Account) Email(ctx context.Context, id mail.EmailID) (Email, error) { return Email{}, unsupported() }

// Thread lists a thread's e-mails by id, oldest first.
func (a *Account) Thread(ctx context.Context, id mail.ThreadID) ([]mail.EmailID, error) {
	return nil, unsupported()
}

// Vanished lists the UIDs expunged from a mailbox after since, ascending (RFC 7162 section 3.2.5). complete is false if
// the journal does not reach back so far.
func (a *Account) Vanished(ctx context.Context, m mail.MailboxID, since mail.ModSeq) (uids []mail.UID, complete bool, err error) {
	return nil, false, unsupported()
}

// Changes tells what happened after since, stopping at about max changes (0: no bound). KindNotFound if the journal does not
// reach back so far.
func (a *Account) Changes(ctx context.Context, since mail.ModSeq, max int) (ChangeLog, error) {
	return ChangeLog{}, unsupported()
}

// Number is the account's number as readers see it.
func (a *Account) Number(ctx context.Context) (mail.ModSeq, error) { return 0, unsupported() }

// Watch hears of every later change to the account. The watcher must be closed.
func (a *Account) Watch(ctx context.Context) (*Watcher, error) { return nil, unsupported() }

// Usage tells what the account uses and may use.
func (a *Account) Usage(ctx context.Context) (used, limit Quota, err error) { return used, limit, unsupported() }

// SetQuota sets the limit.
func (a *Account) SetQuota(ctx context.Context, limit Quota) error { return unsupported() }

// Append stores one message (IMAP APPEND): ap.Account is ignored, staged is its body. KindOverQuota if there is no room.
func (a *Account) Append(ctx context.Context, ap Append, staged store.StagedBlob) (Appended, error) {
	return Appended{}, unsupported()
}

// SetFlags changes flags and keywords of messages; UIDs that are not there are passed over.
func (a *Account) SetFlags(ctx context.Context, m mail.MailboxID, uids []mail.UID, ch FlagChange) (FlagResult, error) {
	return FlagResult{}, unsupported()
}

// Copy puts messages into another mailbox too. UIDs that are not there are passed over.
func (a *Account) Copy(ctx context.Context, from mail.MailboxID, uids []mail.UID, to mail.MailboxID) (Copied, error) {
	return Copied{}, unsupported()
}

// Move moves messages to another mailbox.
func (a *Account) Move(ctx context.Context, from mail.MailboxID, uids []mail.UID, to mail.MailboxID) (Copied, error) {
	return Copied{}, unsupported()
}

// Expunge takes the messages with \Deleted out of a mailbox; if only is not nil, those of them that it lists (UID EXPUNGE).
func (a *Account) Expunge(ctx context.Context, m mail.MailboxID, only []mail.UID) ([]mail.UID, mail.ModSeq, error) {
	return nil, 0, unsupported()
}

// ExpungeUIDs takes these messages out of a mailbox, with or without \Deleted (POP3, JMAP).
func (a *Account) ExpungeUIDs(ctx context.Context, m mail.MailboxID, uids []mail.UID) ([]mail.UID, mail.ModSeq, error) {
	return nil, 0, unsupported()
}

// View is what one session sees of one mailbox: its own sequence numbers, moved only by Sync. It is for one goroutine, but
// Watch's channel may be received from another. It must be closed.
type View struct{}

// Close gives the view up.
func (v *View) Close() {}

// Len is the number of messages: the highest sequence number.
func (v *View) Len() int { return 0 }

// UIDAt is the UID of a sequence number, 1 to Len; 0 outside.
func (v *View) UIDAt(seq int) mail.UID { return 0 }

// SeqOf is the sequence number of a UID.
func (v *View) SeqOf(uid mail.UID) (seq int, ok bool) { return 0, false }

// SeqFrom is the first sequence number whose UID is at least uid; Len+1 if there is none.
func (v *View) SeqFrom(uid mail.UID) int { return 1 }

// FirstUnseen is the first sequence number without \Seen; 0 if there is none.
func (v *View) FirstUnseen() int { return 0 }

// ID is the mailbox.
func (v *View) ID() mail.MailboxID { return mail.MailboxID{} }

// Mailbox is the mailbox's state now, which may be ahead of the view.
func (v *View) Mailbox(ctx context.Context) (Mailbox, error) { return Mailbox{}, unsupported() }

// Message is one message of the view; false outside 1 to Len.
func (v *View) Message(seq int) (Message, bool) { return Message{}, false }

// Each calls fn for the messages from one sequence number to another, both included, until it returns false. No lock is
// held while it runs. The messages are as of the last Sync.
func (v *View) Each(ctx context.Context, from, to int, fn func(seq int, m Message) bool) error {
	return unsupported()
}

// Sync brings what is durable now into the view. It costs nothing if nothing happened.
func (v *View) Sync(ctx context.Context, mode SyncMode) (Changes, error) { return Changes{}, unsupported() }

// Watch hears of changes to the mailbox. There is one watcher per view, which lives as long as it.
func (v *View) Watch() *Watcher { return nil }

// Watcher hears of changes.
type Watcher struct{}

// C is signalled (never closed, capacity 1) when something changed and is visible; several changes may be one signal.
func (w *Watcher) C() <-chan struct{} { return nil }

// Close ends the watcher.
func (w *Watcher) Close() {}
