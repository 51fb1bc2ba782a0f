// Package smtpd is the SMTP and LMTP server: one engine in three roles, MX (port 25), submission (587 with STARTTLS, 465
// with TLS from the start) and LMTP (RFC 2033). One file is one verb; dispatch.go is the table of them.
//
// It translates: lines into envelopes and streams for transport/intake, faults into replies. What is taken, from whom and
// for whom, is intake's to decide.
//
// Laws:
//
//   - 250 to a message is said after intake has it durable, and names its id. If the connection breaks before the reply
//     was sent, the message is there all the same; a client that sends it again then sends it twice, as SMTP has it.
//   - Only CRLF.CRLF ends DATA, only CRLF a line. Bare CR or LF anywhere is answered with 5xx and the end of the connection.
//   - Nothing that was said in clear text counts under TLS; no password is asked for in clear text.
//   - Whatever a client does, a session is bounded: in the length of a line, the number of commands and of errors, the time for a
//     line, a piece of content, and all.
package smtpd
