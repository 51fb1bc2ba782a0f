package resolve

import (
	"context"
	"errors"
	"net/netip"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Resolver answers questions about names. Client and Zone implement it. Errors are *Error.
type Resolver interface {
	// MX gives a domain's mail exchangers (RFC 5321 section 5.1) as the DNS has them. A domain without MX records is
	// an answer without Hosts and without an error: the domain itself is then its implicit exchanger.
	MX(ctx context.Context, d mail.Domain) (MXAnswer, error)
	// Addrs gives a host's IPv4 and IPv6 addresses. secure says that all of them were proven by DNSSEC.
	Addrs(ctx context.Context, host string) (addrs []netip.Addr, secure bool, err error)
	// TXT gives a name's text records, each with its strings joined (RFC 7208 section 3.3).
	TXT(ctx context.Context, name string) ([]string, error)
	// PTR gives the names of an address.
	PTR(ctx context.Context, a netip.Addr) ([]string, error)
	// TLSA gives the records at a name such as _25._tcp.mx.example (RFC 6698).
	TLSA(ctx context.Context, name string) (records []TLSA, secure bool, err error)
}

// MX is one mail exchanger.
type MX struct {
	Host string // lower case, without a final dot
	Pref uint16 // lower is better
}

// MXAnswer is what the DNS says about a domain's mail exchangers.
type MXAnswer struct {
	Hosts  []MX // by preference, then name; empty if the domain has no MX records
	Null   bool // the domain takes no mail (RFC 7505); then there are no Hosts
	Secure bool // proven by DNSSEC
}

// TLSA is one certificate association (RFC 6698 section 2.1).
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// Error is a question that has no answer.
type Error struct {
	Name, Type string // the question
	// NotFound means that the name does not exist at all. Otherwise the failure is temporary.
	NotFound bool
	Err      error // why, for the log; may be nil
}

// Error is for the log.
func (e *Error) Error() string {
	s := "resolve " + e.Type + " of " + e.Name
	if e.NotFound {
		return s + ": no such name"
	}
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	return s + ": failed"
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsNotFound reports whether the error says that the name does not exist.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.NotFound
}

// IsTemporary reports whether asking again later may help; so does any error that is not a *Error.
func IsTemporary(err error) bool { return err != nil && !IsNotFound(err) }

// Deliverable reports whether mail to the domain has anywhere to go: nil, or a *mail.Fault of KindNoSuchDomain, KindNoMail or,
// if the DNS cannot say now, KindUnavailable. Address literals are deliverable.
func Deliverable(ctx context.Context, r Resolver, d mail.Domain) error {
	if _, ok := d.Literal(); ok {
		return nil
	}
	mx, err := r.MX(ctx, d)
	switch {
	case IsNotFound(err):
		return mail.Failed(mail.KindNoSuchDomain, "the domain "+string(d)+" does not exist", err)
	case err != nil:
		return mail.Failed(mail.KindUnavailable, "the domain "+string(d)+" cannot be looked up now", err)
	case mx.Null:
		return mail.Refuse(mail.KindNoMail, "the domain "+string(d)+" does not take mail")
	case len(mx.Hosts) > 0:
		return nil
	}
	addrs, _, err := r.Addrs(ctx, string(d))
	switch {
	case IsTemporary(err):
		return mail.Failed(mail.KindUnavailable, "the domain "+string(d)+" cannot be looked up now", err)
	case err != nil || len(addrs) == 0:
		return mail.Failed(mail.KindNoSuchDomain, "the domain "+string(d)+" has no mail server and no address", err)
	}
	return nil
}
