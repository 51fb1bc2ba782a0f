package sasl

import (
	"bytes"
	"context"
	"testing"
)

// FuzzServer feeds a mechanism three messages. No one can log in, nothing panics, and every exchange ends.
func FuzzServer(f *testing.F) {
	f.Add(byte(0), []byte("\x00user\x00pencil"), []byte(""), []byte(""))
	f.Add(byte(1), []byte("user"), []byte("pencil"), []byte(""))
	f.Add(byte(2), []byte(rfcC1), []byte(rfcC2), []byte(""))
	f.Add(byte(3), []byte("p=tls-exporter,,n=user,r=abc"), []byte(rfcC2), []byte("x"))
	f.Fuzz(func(t *testing.T, which byte, a, b, c []byte) {
		ch := Channel{TLS: true, Binding: &ChannelBinding{TLSExporter: []byte("x")}}
		names := []string{Plain, Login, ScramSHA256, ScramSHA256Plus}
		s, err := NewServer(names[int(which)%len(names)], closed{}, ch)
		if err != nil {
			t.Fatal(err)
		}
		ended := false
		for _, m := range [][]byte{a, b, c, nil, nil} {
			_, done, _, err := s.Next(t.Context(), m)
			if done {
				t.Fatalf("logged in with %q %q %q", a, b, c)
			}
			ended = ended || err != nil
		}
		if !ended {
			t.Fatal("the exchange has no end")
		}
	})
}

// closed is a backend nobody gets past; its keys fit no proof.
type closed struct{}

func (closed) Plain(context.Context, string, string, string) (Identity, error) {
	return Identity{}, errWrong
}

func (closed) Scram(context.Context, string) (ScramKeys, error) {
	return ScramKeys{Salt: []byte("salt"), Iterations: 4096}, nil
}

func (closed) ScramDone(_ context.Context, _, _ string, o Outcome) (Identity, error) {
	if o == Proved {
		return Identity{Login: "forged"}, nil
	}
	return Identity{}, errWrong
}

// FuzzClient feeds a client challenges of a server that does not know the password.
func FuzzClient(f *testing.F) {
	f.Add([]byte(rfcS1), []byte("v=AAAA"))
	f.Add([]byte("r=x"), []byte("e=no"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if bytes.Contains(a, []byte(",i=")) && !bytes.Contains(a, []byte(",i=4096")) {
			t.Skip("only the parser is of interest, not the work of many iterations")
		}
		c, err := newScramClient(Credentials{User: "user", Password: "pencil"}, nil, scramBare, rfcClientNonce)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Start(); err != nil {
			t.Fatal(err)
		}
		_, err1 := c.Next(a)
		_, err2 := c.Next(b)
		if err1 == nil && err2 == nil && c.Finish() == nil {
			t.Fatalf("took %q %q for proof", a, b)
		}
	})
}

// FuzzDecode holds the base64 codec to its round trip.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("YQ=="))
	f.Add([]byte("="))
	f.Add([]byte("*"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := DecodeResponse(in)
		if err != nil {
			return
		}
		if back := AppendChallenge(nil, out); !bytes.Equal(back, in) {
			t.Fatalf("%q decodes to %q, which is %q", in, out, back)
		}
	})
}

func BenchmarkScramServer(b *testing.B) {
	u := &keysOnly{}
	u.keys, _ = DeriveKeys("pencil", []byte("W22ZaJ0SNY7soEs"), 4096)
	b.ReportAllocs()
	for b.Loop() {
		s := newScramServer(u, nil, scramBare, rfcServerNonce)
		if _, _, _, err := s.Next(b.Context(), []byte(rfcC1)); err != nil {
			b.Fatal(err)
		}
		if _, _, _, err := s.Next(b.Context(), []byte(rfcC2)); err == nil {
			b.Fatal("the salt is another one")
		}
	}
}

type keysOnly struct {
	closed
	keys ScramKeys
}

func (k *keysOnly) Scram(context.Context, string) (ScramKeys, error) { return k.keys, nil }
