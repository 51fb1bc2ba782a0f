package sasl

import (
	"crypto"
	_ "crypto/sha256" // for the certificate hashes of RFC 5929 section 4.1
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
)

// Channel says how a connection is protected, for choosing mechanisms.
type Channel struct {
	// TLS is whether the connection is encrypted.
	TLS bool
	// Private is whether nobody can listen in although it is not: both ends are on one machine, or whoever runs them says so.
	Private bool
	// Binding is what a login can be bound to; nil for nothing.
	Binding *ChannelBinding
}

// MayLogIn reports whether a server takes logins on such a connection.
func (c Channel) MayLogIn() bool { return c.TLS || c.Private }

// ChannelBinding is what both ends of one TLS connection know and nobody between them can have the same of. An empty part
// is not available.
type ChannelBinding struct {
	TLSExporter       []byte // RFC 9266
	TLSServerEndPoint []byte // RFC 5929 section 4
}

// The names of bindings in SCRAM's header.
const (
	bindExporter  = "tls-exporter"
	bindEndPoint  = "tls-server-end-point"
	exporterLabel = "EXPORTER-Channel-Binding" // RFC 9266 section 2
	exporterLen   = 32
)

// ChannelOf describes a connection. Cs is nil in clear text. Leaf is the server's certificate, or nil if it is not known (then only
// tls-exporter can be used).
func ChannelOf(cs *tls.ConnectionState, leaf *x509.Certificate) Channel {
	if cs == nil || !cs.HandshakeComplete {
		return Channel{}
	}
	cb := &ChannelBinding{TLSServerEndPoint: endPoint(leaf)}
	// Under TLS 1.2 the exporter is not always bound to the handshake, and implementations differ on an absent and an empty
	// context; RFC 9266 makes it the binding of TLS 1.3.
	if cs.Version >= tls.VersionTLS13 {
		if b, err := cs.ExportKeyingMaterial(exporterLabel, nil, exporterLen); err == nil {
			cb.TLSExporter = b
		}
	}
	if cb.TLSExporter == nil && cb.TLSServerEndPoint == nil {
		cb = nil
	}
	return Channel{TLS: true, Binding: cb}
}

// endPoint is the certificate's hash: with the hash of its signature, but SHA-256 instead of MD5 and SHA-1. For signatures without one
// hash (Ed25519) the binding is not defined.
func endPoint(leaf *x509.Certificate) []byte {
	if leaf == nil {
		return nil
	}
	h := crypto.SHA256
	switch leaf.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		h = crypto.SHA512
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	}
	sum := h.New()
	sum.Write(leaf.Raw)
	return sum.Sum(nil)
}

// named finds the binding of a name; nil if this channel has none of it.
func (cb *ChannelBinding) named(name string) []byte {
	if cb == nil {
		return nil
	}
	switch name {
	case bindExporter:
		return cb.TLSExporter
	case bindEndPoint:
		return cb.TLSServerEndPoint
	}
	return nil
}

// best is the binding a client uses.
func (cb *ChannelBinding) best() (name string, data []byte) {
	if len(cb.TLSExporter) > 0 {
		return bindExporter, cb.TLSExporter
	}
	return bindEndPoint, cb.TLSServerEndPoint
}
