// Package pop3 is the grammar of POP3 (RFC 1939 and its extensions): commands as a server reads them, responses, and messages as
// they are sent, dot-stuffed. It holds no policy: what a command may do and when is the server's.
//
// Laws:
//
//   - Lines come bounded from wire/line; numbers are bounded here.
//   - A response is one line: what would break it is taken out of its text.
//   - In a message every line ends with CRLF, whatever the stored bytes have, so no client can take a part of a message for its
//     end (a lone CR or LF becomes CRLF; the message is then longer than LIST said, which RFC 1939 has no way to tell).
package pop3
