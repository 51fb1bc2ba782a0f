package crash

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// patience bounds every conversation with the server.
const patience = time.Minute

var idPattern = regexp.MustCompile(`\b[0-9a-v]{20}\b`)

// smtpSession is one client's connection.
type smtpSession struct {
	conn net.Conn
	text *textproto.Conn
}

func dialSMTP(addr string) (*smtpSession, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	s := &smtpSession{conn: conn, text: textproto.NewConn(conn)}
	if _, _, err = s.text.ReadResponse(220); err == nil {
		err = s.command(250, "EHLO load.test")
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *smtpSession) close() { _ = s.text.Close() }

func (s *smtpSession) command(code int, format string, args ...any) error {
	if err := s.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := s.text.PrintfLine(format, args...); err != nil {
		return err
	}
	_, _, err := s.text.ReadResponse(code)
	return err
}

// send sends one letter and gives the id in its 250.
func (s *smtpSession) send(x *letter, text []byte) (id string, err error) {
	if err := s.command(250, "MAIL FROM:<%s> BODY=8BITMIME", sender); err != nil {
		return "", err
	}
	for _, to := range append(append([]string(nil), x.local...), x.remote...) {
		if err := s.command(25, "RCPT TO:<%s>", to); err != nil {
			return "", err
		}
	}
	if err := s.command(354, "DATA"); err != nil {
		return "", err
	}
	w := s.text.DotWriter()
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	_, said, err := s.text.ReadResponse(250)
	if err != nil {
		return "", err
	}
	if id = idPattern.FindString(said); id == "" {
		return "", fmt.Errorf("a 250 without an id: %s", said)
	}
	return id, nil
}

// anyCertificate believes the server's self-signed certificate.
func anyCertificate() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// pop3All reads a whole mailbox.
func pop3All(addr, user, password string, each func(message []byte)) error {
	conn, err := tls.Dial("tcp", addr, anyCertificate())
	if err != nil {
		return err
	}
	defer conn.Close()
	text := textproto.NewConn(conn)
	ask := func(format string, args ...any) (string, error) {
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return "", err
		}
		if err := text.PrintfLine(format, args...); err != nil {
			return "", err
		}
		line, err := text.ReadLine()
		if err == nil && !strings.HasPrefix(line, "+OK") {
			err = fmt.Errorf("POP3 says %s", line)
		}
		return line, err
	}
	if _, err := text.ReadLine(); err != nil { // the greeting
		return err
	}
	for _, c := range []string{"USER " + user, "PASS " + password} {
		if _, err := ask("%s", c); err != nil {
			return err
		}
	}
	line, err := ask("STAT")
	if err != nil {
		return err
	}
	var count int
	if _, err := fmt.Sscanf(line, "+OK %d", &count); err != nil {
		return fmt.Errorf("read %q: %w", line, err)
	}
	for i := range count {
		if _, err := ask("RETR %d", i+1); err != nil {
			return err
		}
		message, err := dotted(text.R)
		if err != nil {
			return err
		}
		each(message)
	}
	_, err = ask("QUIT")
	return err
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

// imapUIDs reads the UIDs of a whole mailbox.
func imapUIDs(addr, user, password string) (uids []int, next int, err error) {
	conn, err := tls.Dial("tcp", addr, anyCertificate())
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, 0, err
	}
	r := bufio.NewReader(conn)
	if _, err := r.ReadString('\n'); err != nil {
		return nil, 0, err
	}
	commands := []string{fmt.Sprintf("LOGIN %s %q", user, password), "STATUS INBOX (UIDNEXT)", "EXAMINE INBOX", "UID FETCH 1:* (UID)", "LOGOUT"}
	for i, c := range commands {
		tag := "a" + strconv.Itoa(i)
		if _, err := fmt.Fprintf(conn, "%s %s\r\n", tag, c); err != nil {
			return nil, 0, err
		}
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return nil, 0, err
			}
			if strings.HasPrefix(line, tag+" ") {
				if !strings.HasPrefix(line, tag+" OK") {
					return nil, 0, fmt.Errorf("IMAP says %s to %s", line, c)
				}
				break
			}
			if m := uidPattern.FindStringSubmatch(line); m != nil {
				n, _ := strconv.Atoi(m[1])
				uids = append(uids, n)
			}
			if m := nextPattern.FindStringSubmatch(line); m != nil && next == 0 {
				next, _ = strconv.Atoi(m[1])
			}
		}
	}
	return uids, next, nil
}

var (
	uidPattern  = regexp.MustCompile(`^\* \d+ FETCH \(UID (\d+)\)`)
	nextPattern = regexp.MustCompile(`UIDNEXT (\d+)`)
)
