// Package imap is the grammar of IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) and of the extensions Posthorn speaks:
// it reads a client's commands and writes a server's responses. It holds no policy and no storage.
//
// Reading. A [Reader] takes one command at a time from a connection: the line, its literals, and no more than [Limits]
// allow. A command is whole in memory before it is parsed, so an error in it never leaves the connection between two
// commands; only the message of an APPEND stays on the wire, and is handed out as a stream. A [Parser] then walks the
// command's arguments; there is one method for each command with a grammar of its own.
//
// Writing. A [Writer] appends to one lent buffer and hands it to the connection, a line.Conn, which sends when it is about
// to wait, so the responses to a pipelined group of commands leave together. Literals are streamed from an io.Reader of
// known length.
//
// Laws:
//   - A line ends with CRLF (wire/line). A bare CR or LF outside a literal ends the connection, since after it nobody
//     knows where the next command starts; so does a line that is too long.
//   - Numbers, nesting, lengths and counts are bounded; malformed input gives a [SyntaxError] and never a panic.
//   - Between two commands neither a Reader nor a Writer holds a buffer: they go back to the [Pool].
package imap
