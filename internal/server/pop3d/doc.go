// Package pop3d serves POP3 (RFC 1939) with CAPA (RFC 2449), STLS (RFC 2595), response codes (RFC 2449, RFC 3206), SASL (RFC 5034),
// UTF8 and LANG (RFC 6856). Each command is in a file of its own; dispatch.go lists them.
//
// Laws:
//
//   - A session sees the inbox as it was at login (one mailbox.View); nothing moves its message numbers.
//   - One POP3 session per account at a time (IN-USE). IMAP sessions go on beside it.
//   - Nothing is deleted but at QUIT, in one commit; a session that ends in another way deletes nothing.
//   - No name and no password in clear text: logins need TLS.
//   - A unique-id is the e-mail's id: it stays the same through moves between mailboxes and a new UIDVALIDITY.
//   - A client that did not say UTF8 gets no header in UTF-8, but a surrogate in ASCII (RFC 6856, RFC 6858).
//   - POP3 changes no flags: that a program fetched a message does not say that somebody read it.
package pop3d
