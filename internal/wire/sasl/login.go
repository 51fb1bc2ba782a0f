package sasl

import (
	"context"
	"strings"
	"unicode/utf8"
)

// loginServer speaks LOGIN, which was never standardised: the name, then the password, each after a challenge whose text old clients
// compare. The name may come as an initial response.
type loginServer struct {
	backend Backend
	user    string
	step    loginStep
}

type loginStep uint8

const (
	loginStart loginStep = iota
	loginUser
	loginPassword
	loginOver
)

func (s *loginServer) Next(ctx context.Context, response []byte) ([]byte, bool, Identity, error) {
	step := s.step
	s.step = loginOver
	if len(response) > MaxMessage {
		return nil, false, Identity{}, ErrTooLong
	}
	if !utf8.Valid(response) {
		return nil, false, Identity{}, ErrSyntax
	}
	switch {
	case step == loginStart && response == nil:
		s.step = loginUser
		return []byte("Username:"), false, Identity{}, nil
	case step == loginStart || step == loginUser:
		if len(response) == 0 || strings.IndexByte(string(response), 0) >= 0 {
			return nil, false, Identity{}, ErrSyntax
		}
		s.user, s.step = string(response), loginPassword
		return []byte("Password:"), false, Identity{}, nil
	case step == loginPassword:
		if len(response) == 0 || strings.IndexByte(string(response), 0) >= 0 {
			return nil, false, Identity{}, ErrSyntax
		}
		id, err := s.backend.Plain(ctx, "", s.user, string(response))
		return nil, err == nil, id, err
	}
	return nil, false, Identity{}, ErrOver
}

// loginClient answers the first challenge with the name and the second with the password, whatever their texts.
type loginClient struct {
	cr   Credentials
	step loginStep
}

func (c *loginClient) Start() (string, []byte, error) {
	c.step = loginUser
	return Login, nil, nil
}

func (c *loginClient) Next([]byte) ([]byte, error) {
	switch c.step {
	case loginUser:
		c.step = loginPassword
		return []byte(c.cr.User), nil
	case loginPassword:
		c.step = loginOver
		return []byte(c.cr.Password), nil
	}
	return nil, ErrServer
}

func (c *loginClient) Finish() error {
	if c.step != loginOver {
		return ErrServer
	}
	return nil
}
