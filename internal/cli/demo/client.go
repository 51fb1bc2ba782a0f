package demo

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// client is a person's program: one connection, line by line.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func base64Reader(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, r) }

// dial connects; with a configuration TLS begins at once.
func dial(ctx context.Context, addr net.Addr, cfg *tls.Config) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, addr.Network(), addr.String())
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := &client{conn: conn, in: bufio.NewReader(conn)}
	if cfg == nil {
		return c, nil
	}
	return c, c.secure(ctx, cfg)
}

func (c *client) secure(ctx context.Context, cfg *tls.Config) error {
	t := tls.Client(c.conn, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		return errors.Join(fmt.Errorf("begin TLS: %w", err), c.conn.Close())
	}
	c.conn, c.in = t, bufio.NewReader(t)
	return nil
}

func (c *client) close() { _ = c.conn.Close() }

func (c *client) send(line string) error {
	_, err := io.WriteString(c.conn, line+"\r\n")
	return err
}

func (c *client) line() (string, error) {
	s, err := c.in.ReadString('\n')
	return strings.TrimRight(s, "\r\n"), err
}

// ask sends a line and expects an answer that begins so; of several lines (SMTP's "250-") it gives all, joined.
func (c *client) ask(line, want string) (string, error) {
	if line != "" {
		if err := c.send(line); err != nil {
			return "", err
		}
	}
	var all []string
	for {
		s, err := c.line()
		if err != nil {
			return "", err
		}
		all = append(all, s)
		if len(s) > 3 && s[3] == '-' && want[0] >= '0' && want[0] <= '9' {
			continue
		}
		if !strings.HasPrefix(s, want) {
			word, _, _ := strings.Cut(line, " ")
			return "", fmt.Errorf("%s was answered with %q", word, s)
		}
		return strings.Join(all, "\n"), nil
	}
}

// submit hands a message over to a person's own server with TLS and login, and gives the id it was accepted under.
func (t *town) submit(ctx context.Context, s *server, way submission, from person, to []mail.Address, raw []byte) (mail.MessageID, error) {
	cfg, listener := t.clientTLS(s), "submissions"
	if way == byStartTLS {
		listener, cfg = "submission", nil
	}
	c, err := dial(ctx, s.app.Addr(listener), cfg)
	if err != nil {
		return mail.MessageID{}, err
	}
	defer c.close()
	if _, err := c.ask("", "220"); err != nil {
		return mail.MessageID{}, err
	}
	hello, err := c.ask("EHLO [127.0.0.1]", "250")
	if err == nil && way == byStartTLS {
		hello, err = c.startTLS(ctx, t.clientTLS(s))
	}
	if err != nil {
		return mail.MessageID{}, err
	}
	if err := c.login(hello, from); err != nil {
		return mail.MessageID{}, fmt.Errorf("log in: %w", err)
	}
	return c.transmit(from.address, to, raw)
}

// submission is a way to hand a message over: port 587 and STARTTLS, or port 465 and TLS from the start (RFC 8314).
type submission uint8

const (
	byStartTLS submission = iota
	byImplicitTLS
)

func (c *client) startTLS(ctx context.Context, cfg *tls.Config) (hello string, err error) {
	if _, err := c.ask("STARTTLS", "220"); err != nil {
		return "", err
	}
	if err := c.secure(ctx, cfg); err != nil {
		return "", err
	}
	return c.ask("EHLO [127.0.0.1]", "250")
}

// login uses the best mechanism the server offers: SCRAM-SHA-256-PLUS, which does not show the password even to the server.
func (c *client) login(hello string, p person) error {
	var offered []string
	for line := range strings.Lines(hello) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line[min(4, len(line)):]), "AUTH "); ok {
			offered = strings.Fields(rest)
		}
	}
	state := c.conn.(*tls.Conn).ConnectionState()
	mech, err := sasl.NewClient(offered, sasl.Credentials{User: p.address.String(), Password: p.password},
		sasl.ChannelOf(&state, state.PeerCertificates[0]))
	if err != nil {
		return err
	}
	name, initial, err := mech.Start()
	if err != nil {
		return err
	}
	line := "AUTH " + name
	if initial != nil {
		line += " " + base64.StdEncoding.EncodeToString(initial)
	}
	for {
		if err := c.send(line); err != nil {
			return err
		}
		answer, err := c.line()
		if err != nil {
			return err
		}
		code, rest, _ := strings.Cut(answer, " ")
		if code == "235" {
			return mech.Finish()
		}
		if code != "334" {
			return errors.New(answer)
		}
		challenge, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return err
		}
		response, err := mech.Next(challenge)
		if err != nil {
			return err
		}
		line = base64.StdEncoding.EncodeToString(response)
	}
}

func (c *client) transmit(from mail.Address, to []mail.Address, raw []byte) (mail.MessageID, error) {
	if _, err := c.ask("MAIL FROM:<"+from.String()+">", "250"); err != nil {
		return mail.MessageID{}, err
	}
	for _, a := range to {
		if _, err := c.ask("RCPT TO:<"+a.String()+">", "250"); err != nil {
			return mail.MessageID{}, err
		}
	}
	if _, err := c.ask("DATA", "354"); err != nil {
		return mail.MessageID{}, err
	}
	stuffed := strings.ReplaceAll("\r\n"+string(raw), "\r\n.", "\r\n..")[2:]
	answer, err := c.ask(strings.TrimSuffix(stuffed, "\r\n")+"\r\n.", "250")
	if err != nil {
		return mail.MessageID{}, err
	}
	for _, word := range strings.Fields(answer) { // the 250 names the id
		if id, err := mail.ParseID(strings.Trim(word, "<>.,;=()")); err == nil {
			_ = c.send("QUIT")
			return mail.MessageID{ID: id}, nil
		}
	}
	return mail.MessageID{}, fmt.Errorf("the answer names no id: %q", answer)
}

// fetchIMAP reads the newest message of the inbox, and marks it as read.
func (t *town) fetchIMAP(ctx context.Context, s *server, p person) ([]byte, error) {
	c, err := dial(ctx, s.app.Addr("imaps"), t.clientTLS(s))
	if err != nil {
		return nil, err
	}
	defer c.close()
	if _, err := c.ask("", "* OK"); err != nil {
		return nil, err
	}
	if _, err := c.tagged("a1", fmt.Sprintf("LOGIN %q %q", p.address.String(), p.password)); err != nil {
		return nil, err
	}
	if _, err := c.tagged("a2", "SELECT INBOX"); err != nil {
		return nil, err
	}
	body, err := c.tagged("a3", "FETCH * (BODY[])")
	if err != nil {
		return nil, err
	}
	if body == nil {
		return nil, errors.New("the inbox is empty")
	}
	_, err = c.tagged("a4", "LOGOUT")
	return body, err
}

// tagged runs an IMAP command and gives the last literal of its answer.
func (c *client) tagged(tag, command string) (literal []byte, err error) {
	if err := c.send(tag + " " + command); err != nil {
		return nil, err
	}
	for {
		s, err := c.line()
		if err != nil {
			return nil, err
		}
		if rest, ok := strings.CutPrefix(s, tag+" "); ok {
			if !strings.HasPrefix(rest, "OK") {
				word, _, _ := strings.Cut(command, " ")
				return nil, fmt.Errorf("%s was answered with %q", word, rest)
			}
			return literal, nil
		}
		if open := strings.LastIndexByte(s, '{'); open >= 0 && strings.HasSuffix(s, "}") {
			n, err := strconv.Atoi(s[open+1 : len(s)-1])
			if err != nil || n < 0 || n > 1<<24 {
				return nil, fmt.Errorf("a literal of %q bytes", s[open:])
			}
			literal = make([]byte, n)
			if _, err := io.ReadFull(c.in, literal); err != nil {
				return nil, err
			}
		}
	}
}

// fetchPOP3 reads the newest message and leaves it where it is.
func (t *town) fetchPOP3(ctx context.Context, s *server, p person) ([]byte, error) {
	c, err := dial(ctx, s.app.Addr("pop3s"), t.clientTLS(s))
	if err != nil {
		return nil, err
	}
	defer c.close()
	for _, line := range []string{"", "USER " + p.address.String(), "PASS " + p.password} {
		if _, err := c.ask(line, "+OK"); err != nil {
			return nil, err
		}
	}
	stat, err := c.ask("STAT", "+OK")
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(stat)
	if len(fields) < 2 || fields[1] == "0" {
		return nil, errors.New("the maildrop is empty")
	}
	if _, err := c.ask("RETR "+fields[1], "+OK"); err != nil {
		return nil, err
	}
	var body []byte
	for {
		s, err := c.line()
		if err != nil {
			return nil, err
		}
		if s == "." {
			break
		}
		body = append(append(body, strings.TrimPrefix(s, ".")...), "\r\n"...)
	}
	_, err = c.ask("QUIT", "+OK")
	return body, err
}
