package sasl

import (
	"slices"
	"strings"
)

// Mechanisms lists what a server offers on a connection, the best first. In clear text there is nothing, unless the connection is
// private: even SCRAM, whose exchange tells no password, would let whoever sits between change all that follows.
func Mechanisms(c Channel) []string {
	switch {
	case !c.MayLogIn():
		return nil
	case c.Binding == nil:
		return []string{ScramSHA256, Plain, Login}
	}
	return []string{ScramSHA256Plus, ScramSHA256, Plain, Login}
}

// NewServer begins an exchange with the mechanism of the given name (in any case); ErrMechanism if Mechanisms does not list it.
func NewServer(name string, b Backend, c Channel) (Server, error) {
	name = strings.ToUpper(name)
	if !slices.Contains(Mechanisms(c), name) {
		return nil, ErrMechanism
	}
	switch name {
	case Plain:
		return &plainServer{backend: b}, nil
	case Login:
		return &loginServer{backend: b}, nil
	case ScramSHA256:
		return newScramServer(b, c.Binding, scramBare, newNonce()), nil
	case ScramSHA256Plus:
		return newScramServer(b, c.Binding, scramPlus, newNonce()), nil
	}
	return nil, ErrMechanism
}

// Credentials is what a client logs in with.
type Credentials struct {
	User, Password string
	// Authzid is whom to act as; empty for the user itself.
	Authzid string
}

// NewClient begins an exchange with the best of the mechanisms that the server offers. PLAIN and LOGIN are used under TLS only.
// ErrMechanism if none fits.
func NewClient(offered []string, cr Credentials, c Channel) (Client, error) {
	has := func(name string) bool {
		return slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, name) })
	}
	switch {
	case c.Binding != nil && has(ScramSHA256Plus):
		return newScramClient(cr, c.Binding, scramPlus, newNonce())
	case has(ScramSHA256):
		return newScramClient(cr, c.Binding, scramBare, newNonce())
	case c.TLS && has(Plain):
		return &plainClient{cr: cr}, nil
	case c.TLS && has(Login) && cr.Authzid == "":
		return &loginClient{cr: cr}, nil
	}
	return nil, ErrMechanism
}
