package mail

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure a Fault is. It decides whether trying again can help; each server translates it into
// the words of its own protocol (an SMTP reply and enhanced status code, an IMAP response code, a POP3 code, a JMAP
// error type).
type Kind uint8

// The kinds. Those before kindPermanent are temporary.
const (
	// KindInternal is a failure of ours: a bug or a broken disk. Temporary, because nothing may be lost by it.
	KindInternal Kind = iota
	// KindUnavailable means a part we need (store, DNS, another node) does not answer now.
	KindUnavailable
	// KindDiskFull means there is no room to store anything now.
	KindDiskFull
	// KindConflict means somebody else changed the same thing at the same time.
	KindConflict
	// KindTooMany means a rate or concurrency limit: later is fine.
	KindTooMany
	// KindOverQuota means the recipient's mailbox is full (RFC 3463 X.2.2); temporary, as people clear up.
	KindOverQuota
	// KindGreylisted means the sender should come again shortly.
	KindGreylisted
	// KindLoginLater means a login cannot be checked now, or too many failed.
	KindLoginLater
	// KindInUse means an exclusive lock is held by another session (POP3 IN-USE, RFC 2449).
	KindInUse

	kindPermanent

	// KindSyntax means the other side's words are outside the grammar.
	KindSyntax
	// KindNoSuchUser means the domain is ours and the address is not (5.1.1).
	KindNoSuchUser
	// KindNoSuchDomain means the recipient's domain does not exist (5.1.2).
	KindNoSuchDomain
	// KindNoMail means the recipient's domain takes no mail (null MX, RFC 7505; 5.1.10).
	KindNoMail
	// KindBadAddress means an address is not one we can route (5.1.3).
	KindBadAddress
	// KindRelayDenied means a stranger asked us to carry mail elsewhere (5.7.1).
	KindRelayDenied
	// KindSenderNotYours means a login used an address it does not own (5.7.1).
	KindSenderNotYours
	// KindPolicy means a rule refuses (5.7.1).
	KindPolicy
	// KindTooLarge means the message is over a size limit (5.3.4).
	KindTooLarge
	// KindTooManyRecipients means more recipients than allowed (RFC 9422 LIMITS; 5.5.3).
	KindTooManyRecipients
	// KindLoop means the message has been through too many servers, or here before (5.4.6).
	KindLoop
	// KindNeedsUTF8 means the next server cannot take internationalised mail (RFC 6531; 5.6.7).
	KindNeedsUTF8
	// KindNeeds8Bit means the next server cannot take 8-bit or binary content (5.6.3).
	KindNeeds8Bit
	// KindNeedsTLS means the message asks for TLS that cannot be had (RFC 8689; 5.7.30).
	KindNeedsTLS
	// KindBadContent means the message itself is malformed beyond what we carry (5.6.0).
	KindBadContent
	// KindExpired means the time to deliver ran out (4.4.7 as history, permanent for the message).
	KindExpired
	// KindLoginFailed means name or password is wrong (5.7.8).
	KindLoginFailed
	// KindLoginNeeded means the command wants a login first (5.7.0, 530).
	KindLoginNeeded
	// KindTLSNeeded means the command wants TLS first (530 / PRIVACYREQUIRED).
	KindTLSNeeded
	// KindNotFound means a named thing (mailbox, e-mail, account) is not there.
	KindNotFound
	// KindExists means a thing of that name is there already.
	KindExists
	// KindNotAllowed means the login may not do this.
	KindNotAllowed
	// KindLimit means a hard limit of ours (names, depth, keywords); trying again cannot help.
	KindLimit
	// KindDisabled means the account is switched off (5.2.1).
	KindDisabled
	// KindUnsupported means we do not do this.
	KindUnsupported

	kindEnd
)

// Temporary reports whether trying the same thing again later can succeed.
func (k Kind) Temporary() bool { return k < kindPermanent }

// Fault is an error with a kind, a sentence that is safe to show strangers, and a cause for the log.
type Fault struct {
	Kind   Kind
	Public string // one English sentence without secrets; servers send it to clients
	Err    error  // the cause; for the log only; may be nil
}

// Refuse makes a fault without a deeper cause.
func Refuse(k Kind, public string) *Fault { return &Fault{Kind: k, Public: public} }

// Refusef is Refuse with a formatted sentence.
func Refusef(k Kind, format string, args ...any) *Fault {
	return &Fault{Kind: k, Public: fmt.Sprintf(format, args...)}
}

// Failed makes a fault out of an error that strangers must not read.
func Failed(k Kind, public string, err error) *Fault {
	return &Fault{Kind: k, Public: public, Err: err}
}

// Error is for the log.
func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Public
	}
	return f.Public + ": " + f.Err.Error()
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// AsFault finds the fault in an error's chain; any other error becomes an internal fault whose public sentence tells
// nothing.
func AsFault(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	return &Fault{Kind: KindInternal, Public: "internal error, please try again later", Err: err}
}

// IsKind reports whether the error's chain holds a fault of this kind.
func IsKind(err error, k Kind) bool {
	f, ok := errors.AsType[*Fault](err)
	return ok && f.Kind == k
}
