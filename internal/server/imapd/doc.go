// Package imapd is the IMAP server: IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) with the extensions that Capabilities
// lists. It translates between the wire (wire/imap) and the mailboxes (state/mailbox) and holds no business rule.
//
// A session is one goroutine. [Server.Serve] greets and then runs one command after another: the table in dispatch.go
// names for each command the file's function that runs it, in which phases of a session it is allowed, and what it may
// tell of other sessions' changes. One more command is one more file and one more line there.
//
// Laws:
//   - Sequence numbers are the session's own (mailbox.View) and move only when the client is told: EXPUNGE is sent after
//     commands only, and never after a FETCH, STORE or SEARCH that counts in sequence numbers (RFC 9051 section 7.5.1).
//   - A flag that changed is told once: with the FETCH that asks for it, or at the end of the command.
//   - Bodies are streamed; ENVELOPE, BODYSTRUCTURE and most searches are answered without opening one.
//   - No password is taken without TLS.
//   - Everything a client can send or hold is bounded: see Limits.
package imapd
