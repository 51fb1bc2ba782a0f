package imap

import (
	"strings"

	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// Login takes LOGIN's arguments.
func (p *Parser) Login() (user, password string, err error) {
	user = p.AString()
	p.SP()
	password = p.AString()
	return user, password, p.End()
}

// Authenticate is AUTHENTICATE (RFC 9051 section 6.2.2) with its initial response (RFC 4959).
type Authenticate struct {
	Mechanism string // upper case
	Initial   []byte // decoded; nil if there was none, empty for "="
}

// Authenticate takes AUTHENTICATE's arguments.
func (p *Parser) Authenticate() (Authenticate, error) {
	a := Authenticate{Mechanism: p.Keyword()}
	if p.TrySP() {
		raw := p.span(func(c byte) bool { return c > ' ' && c < 0x7f })
		var err error
		if a.Initial, err = sasl.DecodeInitial(raw); err != nil || len(raw) == 0 {
			p.fail("initial response is not base64")
		}
	}
	return a, p.End()
}

// maxIDPairs is how many fields an ID may have (RFC 2971 section 3.3).
const maxIDPairs = 30

// ID takes ID's arguments: the client's fields by name in lower case, nil for NIL.
func (p *Parser) ID() (map[string]string, error) {
	if p.tryWord("NIL") {
		return nil, p.End()
	}
	fields := make(map[string]string)
	p.list(func() {
		name := strings.ToLower(p.String())
		p.SP()
		value, _ := p.NString()
		if len(name) > 30 || len(value) > 1024 || len(fields) >= maxIDPairs {
			p.fail("ID has too many or too long fields")
			return
		}
		fields[name] = value
	})
	return fields, p.End()
}

// Enable takes ENABLE's arguments (RFC 5161), in upper case.
func (p *Parser) Enable() ([]string, error) {
	var caps []string
	for {
		caps = append(caps, p.Keyword())
		if len(caps) > 64 {
			p.fail("too many capabilities")
		}
		if !p.TrySP() {
			return caps, p.End()
		}
	}
}
