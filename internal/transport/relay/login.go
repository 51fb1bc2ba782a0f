package relay

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/transport/route"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// maxPassword bounds a password file, in bytes.
const maxPassword = 4096

var errPassword = errors.New("the password file is empty or too long")

// maxSteps bounds the exchange of a login.
const maxSteps = 8

// login logs in to a smarthost (RFC 4954). A refusal is trouble, not a result: it is the configuration's fault, and the mail
// waits until that is mended.
func (s *session) login(sh *route.Smarthost) error {
	password, err := readPassword(sh.PasswordFile)
	if err != nil {
		return &trouble{words: "the password for the smarthost cannot be read", err: err}
	}
	cs := s.lc.TLS()
	var leaf *x509.Certificate
	if cs != nil && len(cs.PeerCertificates) > 0 {
		leaf = cs.PeerCertificates[0]
	}
	c, err := sasl.NewClient(s.hello.Auth, sasl.Credentials{User: sh.Login, Password: password}, sasl.ChannelOf(cs, leaf))
	if err != nil {
		return broken("login to the smarthost", err)
	}
	mechanism, initial, err := c.Start()
	if err != nil {
		return broken("login to the smarthost", err)
	}
	words := []string{"AUTH ", mechanism}
	if initial != nil {
		words = append(words, " ", orEqual(initial))
	}
	for range maxSteps {
		reply, err := s.command(s.timeouts.Command, words...)
		if err != nil {
			return broken("login to the smarthost", err)
		}
		if reply.Class() == 2 {
			if err := c.Finish(); err != nil {
				return broken("login to the smarthost", err)
			}
			return nil
		}
		if reply.Code != 334 {
			t := refused(reply)
			t.words = "login to the smarthost refused: " + t.words
			return t
		}
		answer, err := challenge(c, reply.Text())
		if err != nil {
			_, _ = s.command(s.timeouts.Command, "*") // RFC 4954 section 4: breaks the exchange off
			return broken("login to the smarthost", err)
		}
		words = []string{string(sasl.AppendChallenge(nil, answer))}
	}
	return &trouble{words: "login to the smarthost: it goes on for ever"}
}

func challenge(c sasl.Client, text string) ([]byte, error) {
	ch, err := sasl.DecodeResponse([]byte(strings.TrimSpace(text)))
	if err != nil {
		return nil, err
	}
	return c.Next(ch)
}

// orEqual is an initial response in base64; an empty one is "=".
func orEqual(initial []byte) string {
	if len(initial) == 0 {
		return "="
	}
	return string(sasl.AppendChallenge(nil, initial))
}

func readPassword(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	first = strings.TrimSuffix(first, "\r")
	if first == "" || len(first) > maxPassword {
		return "", errPassword
	}
	return first, nil
}
