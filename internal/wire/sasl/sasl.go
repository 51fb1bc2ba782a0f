package sasl

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// The mechanisms' registered names.
const (
	Plain           = "PLAIN"
	Login           = "LOGIN"
	ScramSHA256     = "SCRAM-SHA-256"
	ScramSHA256Plus = "SCRAM-SHA-256-PLUS"
)

// MaxMessage bounds one decoded message of either side, in bytes.
const MaxMessage = 4096

// MaxLine is how long a line with a response may be, in bytes without CRLF (RFC 4954 section 4.5.3 asks for 12288).
const MaxLine = 12288

// KeyLen is the length of SCRAM-SHA-256's keys in bytes.
const KeyLen = sha256.Size

// Errors of an exchange that are about form; a server answers them as a syntax error of its protocol, and a login that the Backend
// refused as the Backend's fault says.
var (
	// ErrCancelled means the client gave up with "*" (RFC 4422 section 3.5).
	ErrCancelled = errors.New("sasl: the client cancelled the login")
	// ErrSyntax means a message outside of its grammar, or not base64.
	ErrSyntax = errors.New("sasl: malformed message")
	// ErrTooLong means a message over MaxMessage.
	ErrTooLong = errors.New("sasl: message too long")
	// ErrMechanism means a mechanism that is not offered on this connection.
	ErrMechanism = errors.New("sasl: no such mechanism here")
	// ErrOver means a message after the end of the exchange.
	ErrOver = errors.New("sasl: the exchange is over")
	// ErrServer means the server could not prove to a client that it knows the password, or broke the exchange off.
	ErrServer = errors.New("sasl: the server did not prove itself")
)

// Identity is who has logged in.
type Identity struct {
	Account mail.AccountID
	Login   string // the account's primary address, as logs and headers show it
}

// ScramKeys is what a server keeps of a password for SCRAM (RFC 5802 section 3). It cannot log in anywhere else.
type ScramKeys struct {
	Salt       []byte
	Iterations int
	StoredKey  [KeyLen]byte
	ServerKey  [KeyLen]byte
}

// Outcome is how an exchange ended.
type Outcome uint8

// The outcomes.
const (
	Failed Outcome = iota
	Proved
)

// Backend knows the users. One Backend serves one connection's logins. Its errors are *mail.Fault, as a rule of
// KindLoginFailed or KindLoginLater, and are handed to the caller of Next as they are.
type Backend interface {
	// Plain checks a password. Authzid is whom to act as, empty for the user itself.
	Plain(ctx context.Context, authzid, user, password string) (Identity, error)
	// Scram gives a user's keys; for an unknown user, keys that are always the same and that no proof fits.
	Scram(ctx context.Context, user string) (ScramKeys, error)
	// ScramDone is told how an exchange that Scram began ended. If the proof was right it gives the identity, or refuses; if it
	// was not it gives the fault to answer with.
	ScramDone(ctx context.Context, authzid, user string, o Outcome) (Identity, error)
}

// Server is the server's side of one exchange.
type Server interface {
	// Next takes the client's message and gives the next challenge. A nil response means the client sent no initial response; an
	// empty one that it sent an empty one. With done the login has succeeded, id is who it is, and a challenge that is not nil must
	// still be carried to the client (as additional data of the success, or as a challenge that is answered with an empty
	// response, whose content is not looked at). After an error the exchange is over.
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, id Identity, err error)
}

// Client is the client's side of one exchange.
type Client interface {
	// Start names the mechanism and gives the initial response; nil if it has none.
	Start() (mechanism string, initial []byte, err error)
	// Next answers a challenge.
	Next(challenge []byte) (response []byte, err error)
	// Finish is called when the server said that the login succeeded. It fails with ErrServer if the server did not prove
	// itself, where the mechanism asks for that; then the connection must end.
	Finish() error
}
