package sasl

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
)

// What a client accepts of a server: fewer iterations would make the password easy to find for whoever plays the server (RFC
// 7677 section 4), more would keep us busy.
const (
	minIterations = 4096
	maxIterations = 5_000_000
)

type scramClient struct {
	cr       Credentials
	kind     scramKind
	nonce    string
	header   string // gs2-header
	binding  []byte
	bare     string
	expected []byte // the server's signature
	step     scramStep
}

func newScramClient(cr Credentials, cb *ChannelBinding, k scramKind, nonce string) (*scramClient, error) {
	password, err := PreparePassword(cr.Password)
	if err != nil || cr.User == "" || strings.IndexByte(cr.User+cr.Authzid, 0) >= 0 {
		return nil, ErrSyntax
	}
	cr.Password = password
	c := &scramClient{cr: cr, kind: k, nonce: nonce, header: "n,"}
	switch {
	case k == scramPlus:
		name, data := cb.best()
		c.header, c.binding = "p="+name+",", data
	case cb != nil:
		c.header = "y,"
	}
	if cr.Authzid != "" {
		c.header += "a=" + encodeName(cr.Authzid)
	}
	c.header += ","
	c.bare = "n=" + encodeName(cr.User) + ",r=" + nonce
	return c, nil
}

func (c *scramClient) Start() (string, []byte, error) {
	c.step = scramFirst
	name := ScramSHA256
	if c.kind == scramPlus {
		name = ScramSHA256Plus
	}
	return name, []byte(c.header + c.bare), nil
}

func (c *scramClient) Next(challenge []byte) ([]byte, error) {
	step := c.step
	c.step = scramStart
	switch step {
	case scramFirst:
		out, err := c.prove(string(challenge))
		if err == nil {
			c.step = scramFinal
		}
		return out, err
	case scramFinal:
		if err := c.verify(string(challenge)); err != nil {
			return nil, err
		}
		c.step = scramOver
		return []byte{}, nil
	}
	return nil, ErrServer
}

// prove answers the server's first message with the proof.
func (c *scramClient) prove(challenge string) ([]byte, error) {
	f, err := parseServerFirst(challenge)
	if err != nil {
		return nil, err
	}
	fresh := strings.HasPrefix(f.nonce, c.nonce) && len(f.nonce) > len(c.nonce)
	if !fresh || f.iterations < minIterations || f.iterations > maxIterations {
		return nil, ErrServer
	}
	salted, err := saltedPassword(c.cr.Password, f.salt, f.iterations)
	if err != nil {
		return nil, err
	}
	without := "c=" + encode64(append([]byte(c.header), c.binding...)) + ",r=" + f.nonce
	auth := c.bare + "," + challenge + "," + without
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	proof := xor(key, mac(stored[:], auth))
	c.expected = mac(mac(salted, "Server Key"), auth)
	return []byte(without + ",p=" + encode64(proof)), nil
}

// verify checks the server's signature: only who keeps our keys can make it.
func (c *scramClient) verify(m string) error {
	first, _, _ := strings.Cut(m, ",")
	v, ok := strings.CutPrefix(first, "v=")
	if !ok {
		return ErrServer
	}
	got, err := decode64(v)
	if err != nil || !hmac.Equal(got, c.expected) {
		return ErrServer
	}
	return nil
}

func (c *scramClient) Finish() error {
	if c.step != scramOver {
		return ErrServer
	}
	return nil
}
