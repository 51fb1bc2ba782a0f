package mail

import "time"

// Body is what a client declared of its content with BODY= (RFC 6152, RFC 3030).
type Body uint8

// The bodies.
const (
	Body7Bit Body = iota
	Body8Bit
	BodyBinary
)

// Notify says when a notice about a recipient is wanted (RFC 3461 section 4.1). The zero value is the default: on
// failure, and on delay if we like.
type Notify uint8

// The notices. NotifyNever excludes the others.
const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

// Return says how much of a message a failure notice brings back (RFC 3461 section 4.3).
type Return uint8

// The returns. ReturnDefault leaves it to us: headers only for large messages.
const (
	ReturnDefault Return = iota
	ReturnFull
	ReturnHeaders
)

// Envelope is what travels beside a message: who it is from, whom it is for and how it wants to be treated (RFC 5321
// section 2.3.1).
type Envelope struct {
	From       Address // the reverse-path; zero for the null path of a notice
	Recipients []Recipient
	Body       Body
	UTF8       bool   // SMTPUTF8 was asked for (RFC 6531)
	Size       int64  // SIZE as declared; 0 if not
	EnvID      string // ENVID, decoded from xtext; empty if none (RFC 3461 section 4.4)
	Return     Return
	RequireTLS bool // RFC 8689
	// HoldUntil is when delivery may start (FUTURERELEASE, RFC 4865); zero for at once.
	HoldUntil time.Time
}

// Recipient is one forward-path with its parameters.
type Recipient struct {
	Address Address
	// Original is ORCPT decoded: the type ("rfc822", "utf-8") and the address as the author wrote it; empty if none.
	OriginalType, Original string
	Notify                 Notify
}
