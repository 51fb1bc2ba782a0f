package smtp

import (
	"math"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// ParseMail reads MAIL's arguments: "FROM:<path> parameters". Ext is what was offered to this client; now turns HOLDFOR into
// a time. AUTH= (RFC 4954 section 5) is checked and then dropped: we trust no other server's word on who wrote a message.
func ParseMail(args []byte, ext Extensions, now time.Time) (mail.Envelope, error) {
	s, ok := cutPrefixFold(string(args), "FROM:")
	if !ok {
		return mail.Envelope{}, syntax("MAIL must be followed by FROM:<address>")
	}
	path, rest, err := splitPath(s)
	if err != nil {
		return mail.Envelope{}, err
	}
	p := mailParams{ext: ext, now: now}
	if err := eachParam(rest, p.set); err != nil {
		return mail.Envelope{}, err
	}
	if !p.env.UTF8 {
		ext &^= SMTPUTF8
	}
	if path != "" {
		if p.env.From, err = parsePath(path, ext); err != nil {
			return mail.Envelope{}, err
		}
	}
	return p.env, nil
}

type mailParams struct {
	ext  Extensions
	now  time.Time
	env  mail.Envelope
	hold bool
}

func (p *mailParams) set(k, v string, hasValue bool) error {
	var need Extensions
	var parse func(string) bool // nil if the parameter has no value
	switch k {
	case "SIZE":
		need, parse = Size, p.size
	case "BODY":
		need, parse = EightBitMIME, p.body
	case "SMTPUTF8":
		need, p.env.UTF8 = SMTPUTF8, true
	case "RET":
		need, parse = DSN, p.ret
	case "ENVID":
		need, parse = DSN, p.envID
	case "AUTH":
		need, parse = Auth, validAuth
	case "HOLDFOR":
		need, parse = FutureRelease, p.holdFor
	case "HOLDUNTIL":
		need, parse = FutureRelease, p.holdUntil
	case "REQUIRETLS":
		need, p.env.RequireTLS = RequireTLS, true
	default:
		return unsupported(k)
	}
	if !p.ext.Has(need) {
		return unsupported(k)
	}
	if parse == nil && hasValue || parse != nil && (!hasValue || !parse(v)) {
		return badValue(k)
	}
	return nil
}

// size reads up to 20 digits (RFC 1870 section 6). A number beyond 18 digits is more than anybody takes.
func (p *mailParams) size(v string) bool {
	for i := range len(v) {
		if v[i] < '0' || v[i] > '9' {
			return false
		}
	}
	n, ok := parseNumber(v, 18)
	if !ok {
		n = math.MaxInt64
	}
	p.env.Size = n
	return len(v) <= 20
}

func (p *mailParams) body(v string) bool {
	switch {
	case strings.EqualFold(v, "7BIT"):
		p.env.Body = mail.Body7Bit
	case strings.EqualFold(v, "8BITMIME"):
		p.env.Body = mail.Body8Bit
	case strings.EqualFold(v, "BINARYMIME") && p.ext.Has(BinaryMIME):
		p.env.Body = mail.BodyBinary
	default:
		return false
	}
	return true
}

func (p *mailParams) ret(v string) bool {
	switch {
	case strings.EqualFold(v, "FULL"):
		p.env.Return = mail.ReturnFull
	case strings.EqualFold(v, "HDRS"):
		p.env.Return = mail.ReturnHeaders
	default:
		return false
	}
	return true
}

// maxEnvID is the longest ENVID, encoded (RFC 3461 section 4.4).
const maxEnvID = 100

func (p *mailParams) envID(v string) bool {
	id, ok := DecodeXtext(v)
	p.env.EnvID = id
	return ok && id != "" && len(v) <= maxEnvID && printable(id)
}

// validAuth checks a mailbox or "<>" in xtext.
func validAuth(v string) bool {
	a, ok := DecodeXtext(v)
	if !ok {
		return false
	}
	if a == "<>" {
		return true
	}
	// Some send a login that is no address; it is dropped anyway.
	return a != "" && printable(a)
}

// holdFor reads future-release-interval (RFC 4865 section 4): seconds, up to nine digits.
func (p *mailParams) holdFor(v string) bool {
	n, ok := parseNumber(v, 9)
	if !ok || n == 0 || p.hold {
		return false
	}
	p.hold = true
	p.env.HoldUntil = p.now.Add(time.Duration(n) * time.Second)
	return true
}

// holdUntil reads future-release-date-time (RFC 4865 section 4): RFC 3339. HOLDFOR and HOLDUNTIL exclude each other.
func (p *mailParams) holdUntil(v string) bool {
	t, err := time.Parse(time.RFC3339, strings.ToUpper(v))
	if err != nil || p.hold || t.Year() < 1970 {
		return false
	}
	p.hold = true
	p.env.HoldUntil = t
	return true
}

// AppendMail writes a MAIL command with the parameters that the other side offers and the envelope needs, without
// CRLF. Whether the other side offers enough is the caller's to check before. SIZE is sent if it is not zero.
func AppendMail(dst []byte, env *mail.Envelope, ext Extensions) []byte {
	dst = append(dst, "MAIL FROM:<"...)
	dst = append(dst, env.From.String()...)
	dst = append(dst, '>')
	if env.Size > 0 && ext.Has(Size) {
		dst = appendNumber(append(dst, " SIZE="...), env.Size)
	}
	switch {
	case env.Body == mail.BodyBinary && ext.Has(BinaryMIME):
		dst = append(dst, " BODY=BINARYMIME"...)
	case env.Body == mail.Body8Bit && ext.Has(EightBitMIME):
		dst = append(dst, " BODY=8BITMIME"...)
	}
	if env.UTF8 && ext.Has(SMTPUTF8) {
		dst = append(dst, " SMTPUTF8"...)
	}
	if env.RequireTLS && ext.Has(RequireTLS) {
		dst = append(dst, " REQUIRETLS"...)
	}
	if !env.HoldUntil.IsZero() && ext.Has(FutureRelease) {
		dst = env.HoldUntil.UTC().AppendFormat(append(dst, " HOLDUNTIL="...), time.RFC3339)
	}
	if !ext.Has(DSN) {
		return dst
	}
	switch env.Return {
	case mail.ReturnFull:
		dst = append(dst, " RET=FULL"...)
	case mail.ReturnHeaders:
		dst = append(dst, " RET=HDRS"...)
	}
	if env.EnvID != "" {
		dst = AppendXtext(append(dst, " ENVID="...), env.EnvID)
	}
	return dst
}
