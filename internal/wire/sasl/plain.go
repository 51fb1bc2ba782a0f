package sasl

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"
)

type plainServer struct {
	backend Backend
	asked   bool
	over    bool
}

// Next implements RFC 4616: authzid NUL authcid NUL passwd, in one message.
func (s *plainServer) Next(ctx context.Context, response []byte) ([]byte, bool, Identity, error) {
	if s.over {
		return nil, false, Identity{}, ErrOver
	}
	if response == nil && !s.asked {
		s.asked = true
		return []byte{}, false, Identity{}, nil
	}
	s.over = true
	authzid, user, password, err := parsePlain(response)
	if err != nil {
		return nil, false, Identity{}, err
	}
	id, err := s.backend.Plain(ctx, authzid, user, password)
	return nil, err == nil, id, err
}

func parsePlain(m []byte) (authzid, user, password string, err error) {
	if len(m) > MaxMessage {
		return "", "", "", ErrTooLong
	}
	parts := bytes.Split(m, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 || !utf8.Valid(m) {
		return "", "", "", ErrSyntax
	}
	return string(parts[0]), string(parts[1]), string(parts[2]), nil
}

type plainClient struct {
	cr   Credentials
	sent bool
}

func (c *plainClient) Start() (string, []byte, error) {
	for _, part := range []string{c.cr.Authzid, c.cr.User, c.cr.Password} {
		if strings.IndexByte(part, 0) >= 0 {
			return "", nil, ErrSyntax
		}
	}
	c.sent = true
	return Plain, []byte(c.cr.Authzid + "\x00" + c.cr.User + "\x00" + c.cr.Password), nil
}

// Next is not reached with a server that takes the initial response.
func (c *plainClient) Next([]byte) ([]byte, error) { return nil, ErrServer }

func (c *plainClient) Finish() error {
	if !c.sent {
		return ErrServer
	}
	return nil
}
