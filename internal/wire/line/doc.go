// Package line reads and writes the line-based protocols (SMTP, POP3, IMAP) over a connection: bounded, strict about
// line ends, with one flush per group of pipelined commands, and with time limits that a slow peer cannot stretch.
//
// Laws:
//
//   - A line ends with CRLF and nothing else. A bare CR or a bare LF is an error that says so; it never ends a line, a
//     message, or anything (RFC 5321 section 2.3.8; SMTP smuggling). Content sent with DATA ends with CRLF.CRLF only.
//   - Whatever is waiting to be sent is sent before a read blocks, and not before: replies to pipelined commands go
//     out together (RFC 2920 section 3.2). No caller needs to think of flushing.
//   - A line has a deadline as a whole, not per read. Content has a deadline per read and a minimum rate, which
//     together bound a peer that sends one byte a minute.
//   - What a peer sent in clear text is never taken for something it sent under TLS (Upgrade).
//   - Memory is bounded: one buffer, taken from a pool, handed back while idle; a line never outgrows its maximum.
package line
