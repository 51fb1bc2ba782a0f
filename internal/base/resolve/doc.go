// Package resolve asks the DNS what mail needs to know: MX, addresses, TXT, PTR and TLSA, with the DNSSEC bit where the
// resolver that is asked may be believed.
//
// Laws:
//
//   - A name that does not exist (NXDOMAIN), a name without such records, and an answer that could not be had now are
//     three different things: IsNotFound, an empty answer without an error, IsTemporary. Nothing else is ever returned.
//   - Names are compared and returned in lower case, as A-labels, without a final dot.
//   - Answers are remembered for their TTL within bounds, absence too (RFC 2308), in a cache of bounded size.
//   - A question to a server elsewhere comes from a port of its own; only sockets to loopback are used again.
//   - Secure is only said if the configured server set the AD bit and is trusted: on loopback, or listed as such.
//
// Client asks real servers; Zone answers from zone-file text, in a test directly, or over UDP and TCP with Serve.
package resolve
