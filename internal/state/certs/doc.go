// Package certs keeps the certificates that the server shows: pairs of PEM files, chosen by the name a client asks for (SNI), and read
// again when the files change, without a restart.
//
// Laws: a handshake costs no disk access beyond a look at the files' times every few seconds, done by one handshake and not waited for by
// the others; a pair that cannot be read or does not fit together never replaces one that works; there is always a certificate to
// show.
//
// It also makes certificates: a self-signed one, for a server that has none yet, and a small authority for the demo and the tests.
//
// A limit: Outlook for Mac sends a server name with a final dot, against RFC 6066 section 3. crypto/tls refuses such a ClientHello while it
// parses it, before any hook runs, and rewriting the bytes on their way in would break the handshake's transcript. So these
// clients cannot be served until crypto/tls is more lenient; the other way, a TLS stack of our own, costs more than it is worth.
package certs
