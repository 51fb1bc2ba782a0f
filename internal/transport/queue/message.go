package queue

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Partitions is how many parts the queue has; a message's id decides its part.
const Partitions = 64

// Message is a message to be carried on.
type Message struct {
	ID      mail.MessageID
	From    mail.Address   // zero: the null path; no notice is ever sent about it
	Account mail.AccountID // who submitted it; zero for mail that only passes through
	Lang    text.Lang      // of its notices
	EnvID   string
	Return  mail.Return
	Body    mail.Body // as the content is, not only as declared: Body8Bit if it has 8-bit octets
	UTF8    bool      // SMTPUTF8 was asked for
	// RequireTLS is RFC 8689's.
	RequireTLS bool
	// Blob is the complete content to send. The commit must hold its bytes (Batch.AddBlob or an older reference); Add adds
	// the queue's own reference, and the final settling drops it.
	Blob store.BlobRef
	// Skip is how many bytes at the beginning of the blob are not sent on (the Return-Path field of copies delivered here).
	Skip int64
	// Created is when it was accepted; zero: the id's time. Due is the first attempt; zero: at once. Expires is when to give
	// up; zero: the schedule's time after Created or Due, whichever is later.
	Created, Due, Expires time.Time
	// Junk means that recipients of ours who are served out of the queue get it into their junk mailbox.
	Junk bool
	// Recipients are those to be carried on, without duplicates.
	Recipients []mail.Recipient
	// Stored are those who have the message already, by the very commit that Add is part of, and whose author asked to be told so.
	// There is at least one of Recipients and Stored.
	Stored []mail.Recipient
}

// Status is how an attempt ended for a recipient.
type Status uint8

// The statuses.
const (
	// Deferred means trying again later may help.
	Deferred Status = iota
	// Delivered means the next server has taken responsibility.
	Delivered
	// Failed means trying again cannot help.
	Failed
)

// Job is one leg to be sent now.
type Job struct {
	Message     *Message         // shared, do not change; its Recipients and Stored are empty
	Recipients  []mail.Recipient // those to try
	Destination string           // the scheduling key
	Attempt     int              // 1 for the first
	// Answered may be called as soon as a server of the destination is ready for messages; nil for nobody who wants to know.
	Answered func()
}

// Result is how it went for one recipient of a job.
type Result struct {
	Status   Status
	Code     int    // the reply's code; 0 if there was no reply
	Enhanced string // its enhanced status code or the one we give, "5.1.1"
	Reply    string // the other side's own words, or ours if it said none; one line, bounded
	Server   string // the server that said so; empty if it is our own finding
	Address  string // its IP address
	TLS      string // as in journey.Event
	// TLSVersion is the version's number as crypto/tls has it; 0 for none.
	TLSVersion uint16
	Policy     string
	// Final means that the server is the mailbox's own (LMTP): the recipient is delivered, not only relayed.
	Final bool
	// NotifiesSuccess means that the server took over the duty to send a success notice (it knows DSN).
	NotifiesSuccess bool
}
