package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// users is a backend with one password for all of its names.
type users struct {
	t        *testing.T
	names    map[string]string
	authzid  string
	outcomes []Outcome
	salt     []byte
}

var errWrong = mail.Refuse(mail.KindLoginFailed, "wrong user name or password")

func (u *users) Plain(_ context.Context, authzid, user, password string) (Identity, error) {
	u.authzid = authzid
	if want, ok := u.names[user]; !ok || want != password {
		return Identity{}, errWrong
	}
	return Identity{Login: user}, nil
}

func (u *users) Scram(_ context.Context, user string) (ScramKeys, error) {
	salt := u.salt
	if salt == nil {
		salt = []byte("0123456789abcdef")
	}
	k, err := DeriveKeys(u.names[user], salt, 4096)
	if err != nil {
		u.t.Fatal(err)
	}
	return k, nil
}

func (u *users) ScramDone(_ context.Context, authzid, user string, o Outcome) (Identity, error) {
	u.authzid = authzid
	u.outcomes = append(u.outcomes, o)
	if o != Proved {
		return Identity{}, errWrong
	}
	return Identity{Login: user}, nil
}

// The example of RFC 7677 section 3.
const (
	rfcClientNonce = "rOprNGfwEbeRWgbNEkqO"
	rfcServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	rfcSalt        = "W22ZaJ0SNY7soEsUEjb6gQ=="
	rfcC1          = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
	rfcS1          = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	rfcC2          = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
	rfcS2          = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
)

func TestServerSpeaksTheExampleOfRFC7677(t *testing.T) {
	salt, err := base64.StdEncoding.DecodeString(rfcSalt)
	if err != nil {
		t.Fatal(err)
	}
	u := &users{t: t, names: map[string]string{"user": "pencil"}, salt: salt}
	s := newScramServer(u, nil, scramBare, rfcServerNonce)
	ch, done, _, err := s.Next(t.Context(), []byte(rfcC1))
	if err != nil || done || string(ch) != rfcS1 {
		t.Fatalf("server first: %q %v %v", ch, done, err)
	}
	ch, done, id, err := s.Next(t.Context(), []byte(rfcC2))
	if err != nil || !done || string(ch) != rfcS2 || id.Login != "user" {
		t.Fatalf("server final: %q %v %v %v", ch, done, id, err)
	}
	if _, _, _, err := s.Next(t.Context(), nil); !errors.Is(err, ErrOver) {
		t.Fatalf("after the end: %v", err)
	}
}

func TestClientSpeaksTheExampleOfRFC7677(t *testing.T) {
	c, err := newScramClient(Credentials{User: "user", Password: "pencil"}, nil, scramBare, rfcClientNonce)
	if err != nil {
		t.Fatal(err)
	}
	name, initial, err := c.Start()
	if err != nil || name != ScramSHA256 || string(initial) != rfcC1 {
		t.Fatalf("client first: %s %q %v", name, initial, err)
	}
	out, err := c.Next([]byte(rfcS1))
	if err != nil || string(out) != rfcC2 {
		t.Fatalf("client final: %q %v", out, err)
	}
	if err := c.Finish(); !errors.Is(err, ErrServer) {
		t.Fatalf("a server that has not proved itself: %v", err)
	}
	out, err = c.Next([]byte(rfcS2))
	if err != nil || out == nil || len(out) != 0 {
		t.Fatalf("last response: %q %v", out, err)
	}
	if err := c.Finish(); err != nil {
		t.Fatal(err)
	}
}

func TestClientRefusesAServerThatCannotProveItself(t *testing.T) {
	for name, last := range map[string]string{
		"wrong signature": "v=" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"an error":        "e=other-error",
		"nothing":         "",
	} {
		c, err := newScramClient(Credentials{User: "user", Password: "pencil"}, nil, scramBare, rfcClientNonce)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next([]byte(rfcS1)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next([]byte(last)); !errors.Is(err, ErrServer) {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Finish(); !errors.Is(err, ErrServer) {
			t.Errorf("%s: Finish gives %v", name, err)
		}
	}
}

func TestClientRefusesWeakAndForeignChallenges(t *testing.T) {
	for name, challenge := range map[string]string{
		"few iterations":   strings.Replace(rfcS1, "i=4096", "i=4095", 1),
		"many iterations":  strings.Replace(rfcS1, "i=4096", "i=99999999", 1),
		"not our nonce":    strings.Replace(rfcS1, "rOpr", "xOpr", 1),
		"nothing added":    strings.Replace(rfcS1, rfcServerNonce, "", 1),
		"no salt":          strings.Replace(rfcS1, rfcSalt, "", 1),
		"mandatory":        "m=x," + rfcS1,
		"bad salt":         strings.Replace(rfcS1, rfcSalt, "*", 1),
		"bad iterations":   strings.Replace(rfcS1, "i=4096", "i=x", 1),
		"empty":            "",
		"iterations twice": "i=4096,i=4096,i=4096",
	} {
		c, err := newScramClient(Credentials{User: "user", Password: "pencil"}, nil, scramBare, rfcClientNonce)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if out, err := c.Next([]byte(challenge)); err == nil {
			t.Errorf("%s: answered %q", name, out)
		}
	}
}

// exchange lets a client and a server speak until one of them ends it.
func exchange(t *testing.T, c Client, s Server) (Identity, error) {
	t.Helper()
	_, response, err := c.Start()
	if err != nil {
		return Identity{}, err
	}
	for range 5 {
		challenge, done, id, err := s.Next(t.Context(), response)
		if err != nil {
			return Identity{}, err
		}
		if challenge != nil {
			if response, err = c.Next(challenge); err != nil {
				return Identity{}, err
			}
		}
		if done {
			return id, c.Finish()
		}
	}
	t.Fatal("endless exchange")
	return Identity{}, nil
}

func TestExchanges(t *testing.T) {
	binding := &ChannelBinding{TLSExporter: []byte("exporter"), TLSServerEndPoint: []byte("end point")}
	other := &ChannelBinding{TLSExporter: []byte("another"), TLSServerEndPoint: []byte("end point")}
	onlyEnd := &ChannelBinding{TLSServerEndPoint: []byte("end point")}
	tests := []struct {
		name           string
		client, server Channel
		offered        []string // nil: what the server offers
		cr             Credentials
		mech           string
		kind           mail.Kind // of the refusal; 0 for none
	}{
		{"plus", Channel{TLS: true, Binding: binding}, Channel{TLS: true, Binding: binding}, nil, Credentials{User: "anna", Password: "geheim"}, ScramSHA256Plus, 0},
		{"plus by end point", Channel{TLS: true, Binding: onlyEnd}, Channel{TLS: true, Binding: binding}, nil, Credentials{User: "anna", Password: "geheim"}, ScramSHA256Plus, 0},
		{"somebody in the middle", Channel{TLS: true, Binding: other}, Channel{TLS: true, Binding: binding}, nil, Credentials{User: "anna", Password: "geheim"}, ScramSHA256Plus, mail.KindLoginFailed},
		{"binding the server lacks", Channel{TLS: true, Binding: binding}, Channel{TLS: true, Binding: onlyEnd}, nil, Credentials{User: "anna", Password: "geheim"}, ScramSHA256Plus, mail.KindLoginFailed},
		{"offer taken away", Channel{TLS: true, Binding: binding}, Channel{TLS: true, Binding: binding}, []string{"PLAIN", "SCRAM-SHA-256"}, Credentials{User: "anna", Password: "geheim"}, ScramSHA256, mail.KindLoginFailed},
		{"client without binding", Channel{TLS: true}, Channel{TLS: true, Binding: binding}, nil, Credentials{User: "anna", Password: "geheim"}, ScramSHA256, 0},
		{"server without binding", Channel{TLS: true, Binding: binding}, Channel{TLS: true}, nil, Credentials{User: "anna", Password: "geheim"}, ScramSHA256, 0},
		{"wrong password", Channel{TLS: true}, Channel{TLS: true}, nil, Credentials{User: "anna", Password: "falsch"}, ScramSHA256, mail.KindLoginFailed},
		{"odd name", Channel{TLS: true}, Channel{TLS: true}, nil, Credentials{User: "a=b,c", Password: "x y"}, ScramSHA256, 0},
		{"other form of a password", Channel{TLS: true}, Channel{TLS: true}, nil, Credentials{User: "ä", Password: "u\u0308\u00a0"}, ScramSHA256, 0},
		{"as somebody", Channel{TLS: true}, Channel{TLS: true}, nil, Credentials{User: "anna", Password: "geheim", Authzid: "b=,"}, ScramSHA256, 0},
		{"plain", Channel{TLS: true}, Channel{TLS: true}, []string{"plain", "login"}, Credentials{User: "anna", Password: "geheim", Authzid: "z"}, Plain, 0},
		{"plain wrong", Channel{TLS: true}, Channel{TLS: true}, []string{"PLAIN"}, Credentials{User: "anna", Password: "x"}, Plain, mail.KindLoginFailed},
		{"login", Channel{TLS: true}, Channel{TLS: true}, []string{"LOGIN"}, Credentials{User: "anna", Password: "geheim"}, Login, 0},
		{"login wrong", Channel{TLS: true}, Channel{TLS: true}, []string{"LOGIN"}, Credentials{User: "nobody", Password: "geheim"}, Login, mail.KindLoginFailed},
		{"private", Channel{}, Channel{Private: true}, nil, Credentials{User: "anna", Password: "geheim"}, ScramSHA256, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := &users{t: t, names: map[string]string{"anna": "geheim", "a=b,c": "x y", "ä": "ü "}}
			offered := tt.offered
			if offered == nil {
				offered = Mechanisms(tt.server)
			}
			c, err := NewClient(offered, tt.cr, tt.client)
			if err != nil {
				t.Fatal(err)
			}
			mech, _, err := c.Start()
			if err != nil || mech != tt.mech {
				t.Fatalf("client chose %s, %v", mech, err)
			}
			s, err := NewServer(strings.ToLower(mech), u, tt.server)
			if err != nil {
				t.Fatal(err)
			}
			id, err := exchange(t, c, s)
			if tt.kind != 0 {
				if !mail.IsKind(err, tt.kind) {
					t.Fatalf("want a refusal, got %v %v", id, err)
				}
				return
			}
			if err != nil || id.Login != tt.cr.User || u.authzid != tt.cr.Authzid {
				t.Fatalf("%v as %q: %v", id, u.authzid, err)
			}
		})
	}
}

func TestNoMechanism(t *testing.T) {
	b := &users{t: t}
	for _, tt := range []struct {
		name string
		c    Channel
	}{
		{Plain, Channel{}}, {Login, Channel{}}, {ScramSHA256, Channel{}}, {ScramSHA256Plus, Channel{TLS: true}}, {"CRAM-MD5", Channel{TLS: true}}, {"", Channel{TLS: true}},
	} {
		if _, err := NewServer(tt.name, b, tt.c); !errors.Is(err, ErrMechanism) {
			t.Errorf("%s on %+v: %v", tt.name, tt.c, err)
		}
	}
	for _, offered := range [][]string{{Plain, Login}, {"GSSAPI"}, nil} {
		if _, err := NewClient(offered, Credentials{User: "u", Password: "p"}, Channel{}); !errors.Is(err, ErrMechanism) {
			t.Errorf("client in clear text with %v: %v", offered, err)
		}
	}
}

func TestServerRefusesMalformedSCRAM(t *testing.T) {
	for _, first := range []string{
		"", "n", "n,", "n,,", "x,,n=u,r=a", "n,,n=,r=a", "n,,n=u,r=", "n,,n=u", "n,,m=x,n=u,r=a", "n,,n=a=b,r=a", "n,,n=a=2c,r=a", "n,,n=u,r=a b",
		"n,b=x,n=u,r=a", "n,a==,n=u,r=a", "p=tls-exporter,,n=u,r=a", "n,,n=u\x00,r=a", "n,,n=\xff,r=a", "n,,n=u,r=" + strings.Repeat("a", MaxMessage),
	} {
		s := newScramServer(&users{t: t}, nil, scramBare, "nonce")
		if _, _, _, err := s.Next(t.Context(), []byte(first)); !errors.Is(err, ErrSyntax) {
			t.Errorf("first %q: %v", first, err)
		}
		if _, _, _, err := s.Next(t.Context(), []byte(rfcC1)); !errors.Is(err, ErrOver) {
			t.Errorf("after an error: %v", err)
		}
	}
	for _, final := range []string{
		"", "c=biws", "c=biws,r=x", "c=biws,r=x,p=", "c=biws,r=x,p=AAAA", "c=*,r=x,p=" + encode64(make([]byte, 32)), "r=x,c=biws,p=" + encode64(make([]byte, 32)),
	} {
		s := newScramServer(&users{t: t, names: map[string]string{"u": "p"}}, nil, scramBare, "nonce")
		if _, _, _, err := s.Next(t.Context(), []byte("n,,n=u,r=a")); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := s.Next(t.Context(), []byte(final)); !errors.Is(err, ErrSyntax) {
			t.Errorf("final %q: %v", final, err)
		}
	}
}

// trusting is a backend that lets everybody in, which must not help who has no proof.
type trusting struct{ users }

func (*trusting) ScramDone(context.Context, string, string, Outcome) (Identity, error) {
	return Identity{Login: "root"}, nil
}

func TestNoBackendMakesAYesOfAFailedProof(t *testing.T) {
	b := &trusting{users{t: t, names: map[string]string{"user": "another"}}}
	s := newScramServer(b, nil, scramBare, rfcServerNonce)
	if _, _, _, err := s.Next(t.Context(), []byte(rfcC1)); err != nil {
		t.Fatal(err)
	}
	if _, done, id, err := s.Next(t.Context(), []byte(rfcC2)); done || !mail.IsKind(err, mail.KindLoginFailed) {
		t.Fatalf("%v %v %v", done, id, err)
	}
}
