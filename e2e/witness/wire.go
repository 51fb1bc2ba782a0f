package witness

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// refusal is a "no" that leaves the outcome open: 4xx, NO or -ERR.
type refusal struct{ said string }

func (r *refusal) Error() string { return "refused: " + r.said }

// breach is an answer that no server may give.
type breach struct{ said string }

func (b *breach) Error() string { return b.said }

func dial(addr string, secure bool) (net.Conn, error) {
	d := net.Dialer{Timeout: patience}
	if secure {
		// The certificate is self-signed; what is tested is not it.
		return tls.DialWithDialer(&d, "tcp", addr, &tls.Config{InsecureSkipVerify: true})
	}
	return d.Dial("tcp", addr)
}

// smtp is one SMTP connection.
type smtp struct {
	conn net.Conn
	text *textproto.Conn
}

func dialSMTP(addr, login string) (*smtp, error) {
	conn, err := dial(addr, login != "")
	if err != nil {
		return nil, err
	}
	s := &smtp{conn: conn, text: textproto.NewConn(conn)}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err = s.reply(220); err == nil {
		err = s.command(250, "EHLO load.test")
	}
	if err == nil && login != "" {
		err = s.command(235, "AUTH PLAIN %s", base64.StdEncoding.EncodeToString([]byte("\x00"+login+"\x00"+Secret)))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *smtp) reply(code int) (said string, err error) {
	_, said, err = s.text.ReadResponse(code)
	var te *textproto.Error
	if !errors.As(err, &te) {
		return said, err
	}
	if te.Code/100 == 4 {
		return said, &refusal{te.Error()}
	}
	return said, &breach{"SMTP: " + te.Error()}
}

func (s *smtp) command(code int, format string, args ...any) error {
	_ = s.conn.SetDeadline(time.Now().Add(patience))
	if err := s.text.PrintfLine(format, args...); err != nil {
		return err
	}
	_, err := s.reply(code)
	return err
}

var idPattern = regexp.MustCompile(`\b[0-9a-v]{20}\b`)

// send sends one letter. A nil error means that it was accepted, as a message of this id.
func (s *smtp) send(x *letter, from string, text []byte) (id string, err error) {
	if err := s.begin(x, from); err != nil {
		return "", err
	}
	d := s.text.DotWriter()
	_, err = d.Write(text)
	if err = errors.Join(err, d.Close()); err != nil {
		return "", err
	}
	said, err := s.reply(250)
	return idPattern.FindString(said), err
}

// begin says whom the letter is from and for, and waits for the go-ahead to send it.
func (s *smtp) begin(x *letter, from string) error {
	if err := s.command(250, "MAIL FROM:<%s> BODY=8BITMIME", from); err != nil {
		return err
	}
	for _, a := range x.local {
		if err := s.command(25, "RCPT TO:<%s>", a.address); err != nil {
			return err
		}
	}
	for _, to := range x.remote {
		if err := s.command(25, "RCPT TO:<%s>", to); err != nil {
			return err
		}
	}
	return s.command(354, "DATA")
}

// dotted reads lines up to a lone dot, byte for byte (net/textproto would change line ends).
func dotted(r *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		if string(line) == ".\r\n" {
			return out, nil
		}
		if line[0] == '.' {
			line = line[1:]
		}
		out = append(out, line...)
	}
}

// pop3 is one POP3 connection, logged in.
type pop3 struct {
	conn net.Conn
	r    *bufio.Reader
}

func dialPOP3(addr, login string) (*pop3, error) {
	conn, err := dial(addr, true)
	if err != nil {
		return nil, err
	}
	p := &pop3{conn: conn, r: bufio.NewReader(conn)}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err = p.line(); err == nil {
		if _, err = p.ask("USER " + login); err == nil {
			_, err = p.ask("PASS " + Secret)
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return p, nil
}

// patiently opens a POP3 connection as soon as the account's last one, dropped a moment ago, is noticed to be gone.
func patiently(addr, login string) (*pop3, error) {
	deadline := time.Now().Add(patience)
	for {
		p, err := dialPOP3(addr, login)
		no, ok := errors.AsType[*refusal](err)
		if !ok || !contains(no.said, "IN-USE") || time.Now().After(deadline) {
			return p, err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (p *pop3) line() (string, error) {
	line, err := p.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if strings.HasPrefix(line, "+OK") {
		return line, nil
	}
	return "", &refusal{line}
}

func (p *pop3) ask(command string) (string, error) {
	_ = p.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(p.conn, command+"\r\n"); err != nil {
		return "", err
	}
	return p.line()
}

// many asks for an answer of several lines.
func (p *pop3) many(command string) ([]byte, error) {
	if _, err := p.ask(command); err != nil {
		return nil, err
	}
	return dotted(p.r)
}

// names are the unique names of the messages (UIDL), by their numbers.
func (p *pop3) names() (map[int]string, error) {
	list, err := p.many("UIDL")
	if err != nil {
		return nil, err
	}
	names := map[int]string{}
	var n int
	var name string
	for l := range lines(list) {
		if _, err := fmt.Sscanf(l, "%d %s", &n, &name); err == nil {
			names[n] = name
		}
	}
	return names, nil
}

// imap is one IMAP connection, logged in.
type imap struct {
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

// answer is what the server said to one command.
type answer struct {
	lines []line // untagged
	text  string // of the tagged line, after the tag
}

// line is a response; its literals are cut out of the text.
type line struct {
	text     string
	literals [][]byte
}

func dialIMAP(addr, login string) (*imap, error) {
	conn, err := dial(addr, true)
	if err != nil {
		return nil, err
	}
	c := &imap{conn: conn, r: bufio.NewReader(conn)}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err = c.read(); err == nil {
		if _, err = c.ask(nil, "LOGIN %s %q", login, Secret); err == nil {
			_, err = c.ask(nil, "ENABLE CONDSTORE")
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

var literalEnd = regexp.MustCompile(`\{(\d+)\}$`)

func (c *imap) read() (line, error) {
	var l line
	for {
		part, err := c.r.ReadString('\n')
		if err != nil {
			return l, err
		}
		l.text += strings.TrimRight(part, "\r\n")
		m := literalEnd.FindStringSubmatch(l.text)
		if m == nil {
			return l, nil
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return l, err
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(c.r, b); err != nil {
			return l, err
		}
		l.literals = append(l.literals, b)
		l.text = l.text[:len(l.text)-len(m[0])] + "{}"
	}
}

// ask sends a command, with a literal at its end if there is one, and gives the answer. An answer other than OK is an error.
func (c *imap) ask(literal []byte, format string, args ...any) (answer, error) {
	var a answer
	c.tag++
	tag := "w" + strconv.Itoa(c.tag)
	command := fmt.Sprintf(format, args...)
	end := "\r\n"
	if literal != nil {
		end = fmt.Sprintf(" {%d}\r\n", len(literal))
	}
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, tag+" "+command+end); err != nil {
		return a, err
	}
	for {
		l, err := c.read()
		if err != nil {
			return a, err
		}
		rest, tagged := strings.CutPrefix(l.text, tag+" ")
		switch {
		case tagged && strings.HasPrefix(rest, "OK"):
			a.text = rest
			return a, nil
		case tagged && strings.HasPrefix(rest, "NO"):
			return a, &refusal{command + ": " + rest}
		case tagged:
			return a, &breach{"IMAP: " + command + ": " + rest}
		case strings.HasPrefix(l.text, "* BYE") && !strings.HasPrefix(command, "LOGOUT"):
			return a, errors.New(l.text)
		case strings.HasPrefix(l.text, "+"):
			if _, err := c.conn.Write(append(literal[:len(literal):len(literal)], "\r\n"...)); err != nil {
				return a, err
			}
		default:
			a.lines = append(a.lines, l)
		}
	}
}

// idle begins IDLE and ends it.
func (c *imap) idle() (a answer, err error) {
	c.tag++
	tag := "w" + strconv.Itoa(c.tag)
	_ = c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, tag+" IDLE\r\n"); err != nil {
		return a, err
	}
	for {
		l, err := c.read()
		switch {
		case err != nil:
			return a, err
		case strings.HasPrefix(l.text, "+"):
			if _, err := io.WriteString(c.conn, "DONE\r\n"); err != nil {
				return a, err
			}
		case strings.HasPrefix(l.text, tag+" OK"):
			return a, nil
		case strings.HasPrefix(l.text, tag):
			return a, &breach{"IDLE: " + l.text}
		default:
			a.lines = append(a.lines, l)
		}
	}
}

// number finds "WORD n" or "WORD (n)" in a response; 0 if it is not there.
func number(text, word string) uint64 {
	at := strings.Index(text, word+" ")
	if at < 0 {
		return 0
	}
	rest := strings.TrimPrefix(text[at+len(word)+1:], "(")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	n, _ := strconv.ParseUint(rest[:end], 10, 64)
	return n
}

var flagsPattern = regexp.MustCompile(`FLAGS \(([^)]*)\)`)

// uidSet reads a set such as 3:5,9.
func uidSet(set string) []uint64 {
	var out []uint64
	for part := range strings.SplitSeq(set, ",") {
		from, to, isRange := strings.Cut(part, ":")
		a, _ := strconv.ParseUint(from, 10, 64)
		b := a
		if isRange {
			b, _ = strconv.ParseUint(to, 10, 64)
		}
		for u := min(a, b); u <= max(a, b); u++ {
			out = append(out, u)
		}
	}
	return out
}
