// Package smtp is the grammar of SMTP and LMTP (RFC 5321, RFC 2033) and of the extensions Posthorn speaks, for server and
// client alike: commands and their parameters, replies, the EHLO keyword list, xtext. It does no I/O of its own and holds
// no policy.
//
// Laws:
//
//   - Parsers take one line without CRLF and are bounded by its length. What does not fit the grammar is a *mail.Fault with a sentence
//     that can go into the reply: KindSyntax, KindBadAddress for an address, KindNeedsUTF8 for one that needs SMTPUTF8, KindUnsupported
//     for a parameter that was not offered.
//   - A parameter counts only if its extension was offered, and only once.
//   - What is formatted here is parsed here to the same value; fuzzing holds it.
package smtp
