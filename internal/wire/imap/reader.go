package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/internal/wire/line"
)

// Limits bound what one command may cost. The length of a line is the line.Conn's to bound. Zero values mean the
// defaults.
type Limits struct {
	Literal int64 // bytes of one literal, the message of an APPEND apart; 64 KiB by default
	Command int   // bytes of a whole command in memory; 256 KiB by default
	Discard int64 // bytes of a refused non-synchronizing literal read away before giving up; 64 MiB by default
}

func (l Limits) withDefaults() Limits {
	if l.Literal == 0 {
		l.Literal = 64 << 10
	}
	if l.Command == 0 {
		l.Command = 256 << 10
	}
	if l.Discard == 0 {
		l.Discard = 64 << 20
	}
	return l
}

// ErrTooMuch ends the connection: a literal is on its way that is too large even to be thrown away.
var ErrTooMuch = errors.New("literal is far too large")

// Command is one command of a client, its arguments still to be parsed.
type Command struct {
	Tag  string
	Name string // upper case; "UID FETCH" and its like are one name
	Args []byte // literals in wire form; valid until the next read
	// Message is the head of an APPEND's message literal, on which Args end; the message itself is still on the wire.
	// The session must take it with Reader.Message or leave it with Reader.Refuse.
	Message *Literal
}

// Parser walks the arguments.
func (c *Command) Parser(enc Encoding) *Parser { return &Parser{buf: c.Args, UTF8: enc == UTF8} }

// Encoding says how mailbox names and other text are written.
type Encoding uint8

// The encodings. UTF8 applies after ENABLE UTF8=ACCEPT or ENABLE IMAP4rev2.
const (
	UTF7 Encoding = iota
	UTF8
)

// Reader takes commands from a connection. It is used by one goroutine, and keeps no buffer between commands.
type Reader struct {
	conn *line.Conn
	lim  Limits
	ask  func() error
}

// NewReader reads from conn. Before a literal that the client waits to be asked for, ask is called to write a continuation
// request ("+ " and CRLF), which need not be sent yet: reading on does that.
func NewReader(conn *line.Conn, lim Limits, ask func() error) *Reader {
	return &Reader{conn: conn, lim: lim.withDefaults(), ask: ask}
}

// SetLimits changes the limits, from the next command on.
func (r *Reader) SetLimits(lim Limits) { r.lim = lim.withDefaults() }

// ReadCommand takes the next command. A *SyntaxError leaves the Reader at the start of the next one; the Command then
// has its Tag and Name as far as they could be read. io.EOF means that the client is gone, line.ErrInterrupted that
// somebody wants the session's attention before there is a command, line.ErrIdle that none comes for now (see line.Conn.Await);
// any other error ends the connection. A line that is
// too long does so too, since nobody can tell whether it announced a literal.
func (r *Reader) ReadCommand() (Command, error) {
	first, err := r.conn.ReadLineOrIdle()
	if err != nil {
		return Command{}, err
	}
	var c Command
	var args int
	if c.Tag, c.Name, args, err = head(first); err != nil {
		return c, r.skip(first, err)
	}
	return r.collect(c, first, args)
}

// ReadTail takes what follows an APPEND's message up to the end of the command, or to the head of a further message
// (MULTIAPPEND): the rest's arguments, as of a Command without tag.
func (r *Reader) ReadTail() (Command, error) {
	first, err := r.readLine()
	if err != nil {
		return Command{}, err
	}
	return r.collect(Command{Name: tailName}, first, 0)
}

// tailName stands for what follows a message; no client can write it as a command.
const tailName = "(APPEND)"

// readLine reads a line in the middle of a command. An interruption is put off until the next command.
func (r *Reader) readLine() ([]byte, error) {
	l, err := r.conn.ReadLine()
	for errors.Is(err, line.ErrInterrupted) {
		defer r.conn.Interrupt()
		l, err = r.conn.ReadLine()
	}
	return l, eofInside(err)
}

// collect reads the literals of a command and the lines between them. A command in one line is not copied.
func (r *Reader) collect(c Command, last []byte, args int) (Command, error) {
	var whole []byte // the command so far, if it has literals
	for {
		lit, ok := literalAtEnd(last) // of this line only: what a literal holds is no head
		if whole != nil {
			whole = append(whole, last...)
			last = whole
		}
		if !ok {
			c.Args = last[args:]
			return c, nil
		}
		if isMessage(c.Name, last[args:]) {
			c.Args, c.Message = last[args:], &lit
			return c, nil
		}
		if lit.Size > r.lim.Literal || int64(len(last))+lit.Size+2 > int64(r.lim.Command) {
			return c, r.refuse(lit, &SyntaxError{What: "literal is too large"})
		}
		if whole == nil {
			whole = append(make([]byte, 0, len(last)+int(lit.Size)+128), last...)
		}
		var err error
		if whole, err = r.inline(append(whole, '\r', '\n'), lit); err != nil {
			return c, err
		}
		if last, err = r.readLine(); err != nil {
			return c, err
		}
		if len(whole)+len(last) > r.lim.Command {
			return c, r.skip(last, &SyntaxError{What: "command is too long"})
		}
	}
}

// isMessage reports whether the literal that ends the arguments is a message and not a mailbox name: any but the first
// argument of an APPEND.
func isMessage(name string, args []byte) bool {
	if name == tailName {
		return true
	}
	return name == "APPEND" && (bytes.IndexByte(args, '{') != 0 || bytes.IndexByte(args, '\n') >= 0)
}

// ReadLine takes one line of a running command: a SASL response, or IDLE's DONE. The result is valid until the next
// read. It fails with line.ErrInterrupted as ReadCommand does.
func (r *Reader) ReadLine() ([]byte, error) {
	l, err := r.conn.ReadLine()
	return l, eofInside(err)
}

// eofInside makes an end of input inside a command unexpected.
func eofInside(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// The bounds of a command's head.
const (
	maxTag  = 128
	maxName = 64
)

// head reads tag and name; args is where the arguments start, after the space.
func head(l []byte) (tag, name string, args int, err error) {
	p := NewParser(l)
	t := p.span(func(c byte) bool { return isAStringChar(c) && c != '+' })
	if len(t) == 0 || len(t) > maxTag {
		return "", "", 0, &SyntaxError{What: "expected a tag"}
	}
	tag = string(t)
	p.SP()
	name = p.Keyword()
	if name == "UID" && p.TrySP() {
		name = "UID " + p.Keyword()
	}
	if p.err != nil {
		return tag, "", 0, p.err
	}
	if len(name) > maxName {
		return tag, "", 0, &SyntaxError{What: "unknown command"}
	}
	if !p.AtEnd() && !p.TrySP() {
		return tag, name, 0, &SyntaxError{What: fmt.Sprintf("expected a space after %s", name)}
	}
	return tag, name, p.pos, nil
}
