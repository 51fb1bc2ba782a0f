// Package mailbox keeps people's mail: mailboxes, e-mails, threads, keywords, UIDs, quota and the journal of changes. The
// model is JMAP's (RFC 8621): an e-mail is stored once per account and is in one or more mailboxes; IMAP and POP3
// are views of it. An e-mail in a mailbox is called a place; a UID belongs to a place. \Deleted belongs to the place,
// all other flags and the keywords belong to the e-mail.
//
// # Laws
//
//  1. Each account is one partition of the store. Every change is one commit that raises the account's number by one, and
//     UIDs, quota, counters and threads are decided in that very commit.
//  2. Nothing is shown to any reader before the commit that wrote it is durable, and commits are shown in the order of their numbers.
//  3. A UID is never used twice in a mailbox, a UIDVALIDITY never twice in an account; not across a crash either.
//  4. When an e-mail's last place goes, the e-mail, its summary, its thread membership and its reference to the body go in
//     the same commit; or, if many go at once, that commit names them as dead: from then on nobody is shown anything of them, and
//     their rows go in later commits, each e-mail's all at once.
//  5. Readers wait neither for the disk's sync nor for writers.
//
// # Writing
//
// An account in memory has a head and an image. The head includes commits that are handed over to the store but not durable
// yet; the image is what readers see. An append decides on top of the head under the account's lock, submits, releases
// the lock and waits: the next append is already on its way. What needs the messages' current state (flags, copy, move,
// expunge, rename ...) takes the same lock, waits until head and image are one, and then goes the same way. When a commit
// fails, the account's memory is thrown away and read again; what was submitted behind it fails by the store's sixth law.
//
// # Layout on disk
//
// All rows start with the account's partition prefix and a byte for their kind; numbers are big-endian in keys:
//
//	a                      account: quota, number of e-mails, last UIDVALIDITY, beginning of the journal
//	k                      keyword table: the name of each keyword bit
//	m mailboxID            mailbox: parent, name, role, UIDVALIDITY, subscribed
//	c mailboxID            counters: UIDNEXT, total, unseen, deleted, size, highest modseq
//	p mailboxID uid(4)     place: e-mail, flag and keyword bits, modseq, size, date: all that a listing needs
//	e emailID              e-mail: body, size, date, thread, thread hashes, places
//	s emailID              summary: message.Summary
//	t hash(10)             thread index: a message id that e-mails have or refer to → thread, number of these e-mails
//	r threadID emailID     thread member (empty); not for the e-mail whose id the thread's id is
//	j number(8)            journal: what the commit with this number changed
//	n path                 a subscribed name that is no mailbox (empty)
//	o mailboxID number(8)  overlay: a change of flags on many places, over the place rows that are older (overlay.go)
//	d number(8) part(2)    dead e-mails of the commit with this number, whose rows are still there (dead.go)
//
// and beside all accounts, as if of the account with the id zero:
//
//	d accountID            the account has rows of the dead
//
// Every value but the empty ones starts with a version byte. The reference on an e-mail's body is owned by its e key.
package mailbox
