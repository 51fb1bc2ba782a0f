package sasl

import "crypto/tls"

// Channel says how a connection is protected, for choosing mechanisms.
type Channel struct {
	// TLS is whether the connection is encrypted.
	TLS bool
	// Binding is what a login can be bound to; nil for nothing.
	Binding *ChannelBinding
}

// ChannelBinding is what both ends of one TLS connection know and nobody between them can have the same of. An empty part
// is not available.
type ChannelBinding struct {
	TLSExporter       []byte // RFC 9266
	TLSServerEndPoint []byte // RFC 5929 section 4
}

// ChannelOf describes a connection. Cs is nil in clear text. Leaf is the server's certificate in DER, or nil if it is not known
// (then only tls-exporter can be used).
func ChannelOf(cs *tls.ConnectionState, leaf []byte) Channel {
	if cs == nil {
		return Channel{}
	}
	return Channel{TLS: true}
}

// Mechanisms lists what a server offers on a connection, the best first.
func Mechanisms(c Channel) []string {
	if !c.TLS {
		return nil
	}
	return []string{Plain, Login}
}

// NewServer begins an exchange with the mechanism of the given name (in any case); ErrMechanism if Mechanisms does not list it.
func NewServer(name string, b Backend, c Channel) (Server, error) {
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
	return nil, ErrMechanism
}

// DecodeResponse reads a line with a client's response, base64 as SMTP, POP3 and IMAP carry it; "*" is ErrCancelled.
func DecodeResponse(line []byte) ([]byte, error) { return nil, ErrSyntax }

// DecodeInitial reads an initial response given with the command itself, where "=" stands for an empty one (RFC 4954
// section 4). The result is not nil.
func DecodeInitial(word []byte) ([]byte, error) { return nil, ErrSyntax }

// AppendChallenge appends a challenge in base64.
func AppendChallenge(dst, challenge []byte) []byte { return dst }
