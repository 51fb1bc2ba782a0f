package journey

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Kind says what happened. Kinds are numbered in the order in which things happen to a message.
type Kind uint8

// The kinds, with the fields of Event they use beside At. Fields in brackets may be empty.
const (
	// Accepted: Account (the sender's, if logged in), From, Protocol, Address and Server (client), [TLS], [Login], Size.
	Accepted Kind = iota + 1
	// Checked: Check (what was checked), Detail (the result).
	Checked
	// NoticeFor: this message is a notice about Other. Detail: what about.
	NoticeFor
	// Expanded: Recipient became Target, through Via (an alias or a group).
	Expanded
	// Stored: Recipient's mail is in mailbox Mailbox of Account.
	Stored
	// Queued: Recipient waits to be carried on. [Next]: not before then.
	Queued
	// Held: somebody (Detail) holds the message back.
	Held
	// Released: it may go on.
	Released
	// Retried: somebody asked for an attempt at once.
	Retried
	// LookedUp: Detail lists the mail servers of domain Target, [Via]: RouteVia, [Reply] if it went wrong.
	LookedUp
	// Attempted: a connection to Server at Address, [TLS], [Policy], [Reply]: why it did not come to be, [Detail]: AttemptedAgain.
	Attempted
	// Deferred: Recipient, [Server], Reply, Next.
	Deferred
	// Relayed: Recipient was taken by Server at Address, TLS, Reply.
	Relayed
	// Delivered: Recipient's mail was taken by its final server (LMTP): Server, Address, Reply.
	Delivered
	// Failed: Recipient, [Server], Reply.
	Failed
	// Expired: Recipient, Reply: the time to deliver ran out; the last reply.
	Expired
	// Delayed: a notice Other told the sender that the message still waits.
	Delayed
	// Returned: a notice Other went to the sender about Recipient.
	Returned
	// NotReturned: nobody is told, because Detail (the sender is the null path, or wanted no notice).
	NotReturned
	// Confirmed: a notice Other told the sender of the delivery, as asked.
	Confirmed
	// Cancelled: somebody (Detail) took the message out of the queue.
	Cancelled
	// Fetched: Recipient or Account's owner has it; Protocol (IMAP, POP3) the first time.
	Fetched

	kindEnd
)

// Event is one step of a journey. Strings are for people and logs; which ones a kind uses is said there.
type Event struct {
	At   time.Time
	Kind Kind

	Account   mail.AccountID // indexes the message under this account
	From      string
	Recipient string
	Target    string
	Via       string
	Protocol  string // an obs.Proto
	Login     string
	Server    string // a server's or client's name
	Address   string // its IP address, with the port when we connect
	TLS       string // "TLS 1.3, TLS_AES_128_GCM_SHA256"; empty: in clear text
	Policy    string // "verified", "not verified", later DANE and MTA-STS
	Mailbox   string
	Check     string
	Reply     string // the other side's own words
	Detail    string
	Next      time.Time      // when it goes on
	Other     mail.MessageID // the notice, or the message a notice is about
	Size      int64          // bytes
}

// Journey is a message's story so far.
type Journey struct {
	ID     mail.MessageID
	Events []Event // in order
}

// Entry is an event as a watcher hears of it.
type Entry struct {
	ID    mail.MessageID
	Event Event
}
