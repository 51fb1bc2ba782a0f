package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits bound what one command may cost. Zero values mean the defaults.
type Limits struct {
	Line    int   // bytes of one line without its literals; 64 KiB by default
	Literal int64 // bytes of one literal, the message of an APPEND apart; 64 KiB by default
	Command int   // bytes of a whole command in memory; 256 KiB by default
	Discard int64 // bytes of a refused non-synchronizing literal read away before giving up; 64 MiB by default
}

func (l Limits) withDefaults() Limits {
	if l.Line == 0 {
		l.Line = 64 << 10
	}
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

// Errors after which the connection cannot go on: nobody knows where the next command starts.
var (
	ErrBareLineEnd = errors.New("lines end with CRLF; a bare CR, LF or NUL is not allowed")
	ErrTooMuch     = errors.New("literal is far too large")
)

// Hooks are how a Reader speaks to its session.
type Hooks struct {
	// Wait is called before each read from the connection: the session sends what it has written and sets its deadline.
	Wait func() error
	// Continue writes a continuation request ("+ " and CRLF); it need not send it, as Wait follows.
	Continue func() error
}

// Command is one command of a client, its arguments still to be parsed.
type Command struct {
	Tag  string
	Name string // upper case; "UID FETCH" and its like are one name
	Args []byte // valid until the next read
	// Message is the head of an APPEND's message literal, on which Args end; the message itself is still on the wire.
	// The session must take it with Reader.Message or leave it with Reader.Refuse.
	Message *Literal
}

// Parser walks the arguments.
func (c *Command) Parser(utf8 Encoding) *Parser {
	return &Parser{buf: c.Args, UTF8: utf8 == UTF8}
}

// Encoding says how mailbox names are written.
type Encoding uint8

// The encodings. UTF8 applies after ENABLE UTF8=ACCEPT or ENABLE IMAP4rev2.
const (
	UTF7 Encoding = iota
	UTF8
)

// Reader takes commands from a connection. It is used by one goroutine.
type Reader struct {
	conn  io.Reader
	pool  *Pool
	lim   Limits
	hooks Hooks

	in   []byte // lent; in[pos:] is read and not yet used
	pos  int
	cmd  []byte // lent; the command being collected
	idle bool   // waiting for the first byte of a command
	tiny [16]byte
	last []byte // the end of the last line, up to maxLiteralHead bytes
}

// NewReader reads from conn, with buffers of pool.
func NewReader(conn io.Reader, pool *Pool, lim Limits, hooks Hooks) *Reader {
	return &Reader{conn: conn, pool: pool, lim: lim.withDefaults(), hooks: hooks}
}

// Reset goes on with another connection (after STARTTLS), or the same one wrapped. It fails if the client sent
// anything ahead of it: those bytes came in clear and must not be taken for what TLS protects (RFC 9051 section 11.1).
func (r *Reader) Reset(conn io.Reader) error {
	if r.Buffered() {
		return errors.New("client sent commands ahead of the TLS handshake")
	}
	r.conn = conn
	return nil
}

// SetLimits changes the limits, from the next command on.
func (r *Reader) SetLimits(lim Limits) { r.lim = lim.withDefaults() }

// Buffered reports whether more of the client's bytes are here already.
func (r *Reader) Buffered() bool { return r.pos < len(r.in) }

// Idle reports, inside Hooks.Wait, that the Reader waits for a new command and not for the rest of one.
func (r *Reader) Idle() bool { return r.idle }

// Release gives all buffers back; what was read ahead is lost. For the end of a connection.
func (r *Reader) Release() {
	r.releaseIn()
	r.releaseCmd()
}

func (r *Reader) releaseIn() {
	if r.in != nil {
		r.pool.giveBack(r.in)
		r.in, r.pos = nil, 0
	}
}

func (r *Reader) releaseCmd() {
	if r.cmd != nil {
		r.pool.giveBack(r.cmd)
		r.cmd = nil
	}
}

// await waits for the first bytes of a command. Meanwhile no buffer is held: they go into a few bytes of the Reader's
// own first.
func (r *Reader) await() error {
	if r.Buffered() {
		return nil
	}
	r.Release()
	r.idle = true
	defer func() { r.idle = false }()
	if err := r.hooks.Wait(); err != nil {
		return err
	}
	for {
		n, err := r.conn.Read(r.tiny[:])
		if n > 0 {
			r.in = append(r.pool.lend(), r.tiny[:n]...)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fill reads more of a running command; there is nothing buffered when it is called.
func (r *Reader) fill() error {
	if err := r.hooks.Wait(); err != nil {
		return err
	}
	if r.in == nil {
		r.in = r.pool.lend()
	}
	for {
		buf := r.in[:cap(r.in)]
		n, err := r.conn.Read(buf)
		r.in, r.pos = buf[:n], 0
		if n > 0 {
			return nil
		}
		if err != nil {
			return eofInside(err)
		}
	}
}

// line appends one line without its CRLF to dst. At most about limit bytes are kept; of a longer line the rest is read
// away and long is true. The last bytes of either are in r.last, as a literal may be announced there.
func (r *Reader) line(dst []byte, limit int) (out []byte, long bool, err error) {
	start := len(dst)
	read := int64(0)
	cr := false // the last byte was CR
	r.last = r.last[:0]
	for {
		if !r.Buffered() {
			if err := r.fill(); err != nil {
				return dst, false, err
			}
		}
		chunk := r.in[r.pos:]
		i := bytes.IndexByte(chunk, '\n')
		if i >= 0 {
			chunk = chunk[:i+1]
		}
		r.pos += len(chunk)
		if read += int64(len(chunk)); read > r.lim.Discard {
			return dst, true, ErrTooMuch
		}
		if cr, err = checkEnds(chunk, cr); err != nil {
			return dst, long, err
		}
		r.remember(chunk)
		if long = long || read > int64(limit)+2; !long {
			dst = append(dst, chunk...)
		}
		if i < 0 {
			continue
		}
		if !long {
			dst = dst[:len(dst)-2]
		}
		return dst[:max(start, len(dst))], long, nil
	}
}

// remember keeps the end of what was read of a line.
func (r *Reader) remember(chunk []byte) {
	if n := len(chunk); n > maxLiteralHead {
		chunk = chunk[n-maxLiteralHead:]
	}
	if over := len(r.last) + len(chunk) - maxLiteralHead; over > 0 {
		r.last = r.last[:copy(r.last, r.last[over:])]
	}
	r.last = append(r.last, chunk...)
}

// checkEnds refuses a CR without LF, a LF without CR, and NUL. cr says whether the byte before chunk was a CR; the
// result says the same of its last byte. A LF can only be chunk's last byte.
func checkEnds(chunk []byte, cr bool) (bool, error) {
	last := chunk[len(chunk)-1]
	body := chunk
	if last == '\n' {
		body = chunk[:len(chunk)-1]
		if len(body) == 0 && !cr || len(body) > 0 && body[len(body)-1] != '\r' {
			return false, ErrBareLineEnd
		}
	}
	if cr && len(body) > 0 { // a CR that ended the chunk before, and no LF after it
		return false, ErrBareLineEnd
	}
	if bytes.IndexByte(body, 0) >= 0 {
		return false, ErrBareLineEnd
	}
	if i := bytes.IndexByte(body, '\r'); i >= 0 && i != len(body)-1 {
		return false, ErrBareLineEnd
	}
	return last == '\r', nil
}

// ReadLine takes one line of a running command: a SASL response, or IDLE's DONE. The result is valid until the next
// read. A line over limit bytes is read away and gives a SyntaxError.
func (r *Reader) ReadLine(limit int) ([]byte, error) {
	if r.cmd == nil {
		r.cmd = r.pool.lend()
	}
	line, long, err := r.line(r.cmd[:0], limit)
	r.cmd = line
	if err != nil {
		return nil, err
	}
	if long {
		return nil, &SyntaxError{What: "line is too long"}
	}
	return line, nil
}

// ReadCommand takes the next command. A *SyntaxError leaves the Reader at the start of the next one; the Command then
// has its Tag and Name as far as they could be read. io.EOF means that the client is gone; any other error ends the
// connection.
func (r *Reader) ReadCommand() (Command, error) {
	if err := r.await(); err != nil {
		return Command{}, err
	}
	return r.collect(startOfCommand)
}

// ReadTail takes what follows an APPEND's message up to the end of the command, or to the head of a further message
// (MULTIAPPEND): the rest's arguments, as of a Command without tag and name.
func (r *Reader) ReadTail() (Command, error) { return r.collect(afterMessage) }

// where tells collect what it is in the middle of.
type where uint8

const (
	startOfCommand where = iota
	afterMessage
)

func (r *Reader) collect(at where) (Command, error) {
	var c Command
	if r.cmd == nil {
		r.cmd = r.pool.lend()
	}
	r.cmd = r.cmd[:0]
	args := -1 // where the arguments start in r.cmd
	if at == afterMessage {
		args = 0
	}
	for {
		line, long, err := r.line(r.cmd, min(r.lim.Line, r.lim.Command-len(r.cmd)))
		if r.cmd = line; err != nil {
			return c, err
		}
		if args < 0 {
			if c.Tag, c.Name, args, err = head(line); err != nil {
				return c, r.skip(err)
			}
		}
		if long {
			return c, r.skip(&SyntaxError{What: "command line is too long"})
		}
		lit, ok := literalAtEnd(line)
		if !ok {
			c.Args = line[args:]
			return c, nil
		}
		if at == afterMessage || isMessage(c.Name, line[args:]) {
			c.Args, c.Message = line[args:], &lit
			return c, nil
		}
		if lit.Size > r.lim.Literal || int64(len(line))+lit.Size+2 > int64(r.lim.Command) {
			return c, r.refuse(lit, &SyntaxError{What: "literal is too large"})
		}
		if err := r.inline(lit); err != nil {
			return c, err
		}
	}
}

// head reads tag and name; args is where the arguments start, after the space.
func head(line []byte) (tag, name string, args int, err error) {
	p := NewParser(line)
	t := p.span(func(c byte) bool { return isAStringChar(c) && c != '+' })
	if len(t) == 0 || len(t) > 128 {
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
	if len(name) > 64 {
		return tag, "", 0, &SyntaxError{What: "unknown command"}
	}
	if !p.AtEnd() && !p.TrySP() {
		return tag, name, 0, &SyntaxError{What: fmt.Sprintf("expected a space after %s", name)}
	}
	return tag, name, p.pos, nil
}
