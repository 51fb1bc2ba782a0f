// Package relay hands a message on to the next server: it connects, speaks SMTP or LMTP, and reports what became of each
// recipient, in the other server's own words.
//
// Laws:
//
//   - A recipient is Delivered only by a positive reply to the content, Failed only by a permanent reply about this message or this
//     recipient, or because no server can ever take it. Everything else is Deferred.
//   - Once the content has ended, no other server is tried: the one that has it may have taken it.
//   - Opportunistic TLS goes on in clear text if the handshake fails; TLS that is demanded never does, and its certificate
//     is checked. Session tickets are off.
//   - Content is streamed from its blob. Only for a server that takes 7-bit alone are parts encoded (seven.go), and never what is signed;
//     what a server cannot take otherwise (UTF-8 in headers, bare line ends) comes back with the reason.
//   - Everything a server says is bounded in length and time (RFC 5321 section 4.5.3.2).
//
// A connection is kept open for a moment after a message, for the next to the same destination.
package relay
