// Package sasl speaks the login mechanisms of SASL (RFC 4422): PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS
// (RFC 5802, RFC 7677, with the channel bindings tls-exporter of RFC 9266 and tls-server-end-point of RFC 5929), as a server
// for our own users and as a client for smarthosts.
//
// Laws:
//
//   - No policy and no storage: who may log in is the Backend's business; how a protocol carries the exchange (334, "+")
//     is the server's. Only names, passwords and keys pass through here, and none of them is in an error's text.
//   - Every message is bounded (MaxMessage) and every exchange has a fixed number of steps.
//   - A client that could have bound its login to the channel, saw us offer that, and did not, is told apart from one that was
//     not shown the offer: the latter is refused (RFC 5802 section 6), for somebody in the middle took it away.
//   - Nothing is offered without TLS, but on a channel that its caller calls private. As a client, PLAIN and LOGIN are used under TLS only.
package sasl
