package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"strconv"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// scramKind tells the mechanism with channel binding from the one without.
type scramKind uint8

const (
	scramBare scramKind = iota
	scramPlus
)

type scramServer struct {
	backend Backend
	binding *ChannelBinding
	kind    scramKind
	nonce   string

	step  scramStep
	first clientFirst
	keys  ScramKeys
	sent  string // the server's first message
}

type scramStep uint8

const (
	scramStart scramStep = iota
	scramFirst
	scramFinal
	scramOver
)

func newScramServer(b Backend, cb *ChannelBinding, k scramKind, nonce string) *scramServer {
	return &scramServer{backend: b, binding: cb, kind: k, nonce: nonce}
}

// Next implements RFC 5802 section 5.
func (s *scramServer) Next(ctx context.Context, response []byte) ([]byte, bool, Identity, error) {
	step := s.step
	s.step = scramOver
	switch {
	case step == scramStart && response == nil:
		s.step = scramFirst
		return []byte{}, false, Identity{}, nil
	case step == scramStart || step == scramFirst:
		challenge, err := s.begin(ctx, string(response))
		if err == nil {
			s.step = scramFinal
		}
		return challenge, false, Identity{}, err
	case step == scramFinal:
		return s.finish(ctx, string(response))
	}
	return nil, false, Identity{}, ErrOver
}

func (s *scramServer) begin(ctx context.Context, m string) ([]byte, error) {
	f, err := parseClientFirst(m)
	if err != nil {
		return nil, err
	}
	if err := s.checkFlag(f); err != nil {
		return nil, err
	}
	s.first = f
	if s.keys, err = s.backend.Scram(ctx, f.user); err != nil {
		return nil, err
	}
	s.sent = "r=" + f.nonce + s.nonce + ",s=" + encode64(s.keys.Salt) + ",i=" + strconv.Itoa(s.keys.Iterations)
	return []byte(s.sent), nil
}

// checkFlag holds the client to the mechanism's rule on binding, and finds a downgrade: "y" says that the client could bind and
// thinks that we cannot, but we offered it (RFC 5802 section 6).
func (s *scramServer) checkFlag(f clientFirst) error {
	switch {
	case s.kind == scramPlus && f.flag != 'p', s.kind == scramBare && f.flag == 'p':
		return ErrSyntax
	case f.flag == 'y' && s.binding != nil:
		return mail.Refuse(mail.KindLoginFailed, "channel binding was offered here, but not seen by you")
	case f.flag == 'p' && len(s.binding.named(f.binding)) == 0:
		return mail.Refuse(mail.KindLoginFailed, "this channel binding is not available here")
	}
	return nil
}

func (s *scramServer) finish(ctx context.Context, m string) ([]byte, bool, Identity, error) {
	f, err := parseClientFinal(m)
	if err != nil {
		return nil, false, Identity{}, err
	}
	outcome := Failed
	auth := s.first.bare + "," + s.sent + "," + f.without
	if s.bound(f) && s.first.nonce+s.nonce == f.nonce && proves(s.keys, auth, f.proof) {
		outcome = Proved
	}
	id, err := s.backend.ScramDone(ctx, s.first.authzid, s.first.user, outcome)
	if err == nil && outcome == Failed { // no backend may make a yes of this
		err = mail.Refuse(mail.KindLoginFailed, "wrong user name or password")
	}
	if err != nil {
		return nil, false, Identity{}, err
	}
	return []byte("v=" + encode64(mac(s.keys.ServerKey[:], auth))), true, id, nil
}

// bound reports whether the client repeated its header and, with binding, saw the same channel as we.
func (s *scramServer) bound(f clientFinal) bool {
	want := []byte(s.first.header)
	if s.first.flag == 'p' {
		want = append(want, s.binding.named(s.first.binding)...)
	}
	return subtle.ConstantTimeCompare(want, f.binding) == 1
}

// proves reports whether the proof could only be made with the password: its key's hash is the stored one.
func proves(k ScramKeys, auth string, proof []byte) bool {
	key := xor(proof, mac(k.StoredKey[:], auth))
	stored := sha256.Sum256(key)
	return hmac.Equal(stored[:], k.StoredKey[:])
}
