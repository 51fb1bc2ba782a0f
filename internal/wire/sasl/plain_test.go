package sasl

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestPlainServer(t *testing.T) {
	u := &users{t: t, names: map[string]string{"tim": "tanstaaftanstaaf", "Kurt": "xipj3plmq"}}
	tests := []struct {
		message string
		authzid string
		user    string
		err     error
	}{
		{"\x00tim\x00tanstaaftanstaaf", "", "tim", nil},      // RFC 4616 section 4
		{"Ursel\x00Kurt\x00xipj3plmq", "Ursel", "Kurt", nil}, // the same
		{"\x00tim\x00wrong", "", "", errWrong},
		{"\x00tim", "", "", ErrSyntax},
		{"", "", "", ErrSyntax},
		{"\x00\x00x", "", "", ErrSyntax},
		{"\x00tim\x00", "", "", ErrSyntax},
		{"\x00tim\x00a\x00b", "", "", ErrSyntax},
		{"\x00tim\x00\xff", "", "", ErrSyntax},
		{"\x00tim\x00" + strings.Repeat("a", MaxMessage), "", "", ErrTooLong},
	}
	for _, tt := range tests {
		for _, asked := range []bool{false, true} {
			s, err := NewServer("plain", u, Channel{TLS: true})
			if err != nil {
				t.Fatal(err)
			}
			if asked {
				ch, done, _, err := s.Next(t.Context(), nil)
				if err != nil || done || ch == nil || len(ch) != 0 {
					t.Fatalf("empty challenge: %q %v %v", ch, done, err)
				}
			}
			_, done, id, err := s.Next(t.Context(), []byte(tt.message))
			if !errors.Is(err, tt.err) || done != (tt.err == nil) || id.Login != tt.user {
				t.Errorf("%q: %v %v %v", tt.message, done, id, err)
			}
			if tt.err == nil && u.authzid != tt.authzid {
				t.Errorf("%q: authzid %q", tt.message, u.authzid)
			}
			if _, _, _, err := s.Next(t.Context(), []byte(tt.message)); !errors.Is(err, ErrOver) {
				t.Errorf("after the end: %v", err)
			}
		}
	}
}

func TestLoginServer(t *testing.T) {
	u := &users{t: t, names: map[string]string{"anna": "geheim"}}
	start := func() Server {
		s, err := NewServer("LOGIN", u, Channel{TLS: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := start()
	for i, step := range []struct{ response, challenge string }{{"", "Username:"}, {"anna", "Password:"}} {
		in := []byte(step.response)
		if i == 0 {
			in = nil
		}
		ch, done, _, err := s.Next(t.Context(), in)
		if err != nil || done || string(ch) != step.challenge {
			t.Fatalf("%q %v %v", ch, done, err)
		}
	}
	if _, done, id, err := s.Next(t.Context(), []byte("geheim")); err != nil || !done || id.Login != "anna" {
		t.Fatalf("%v %v %v", done, id, err)
	}
	for _, bad := range []string{"", "a\x00b", "\xff"} {
		if _, _, _, err := start().Next(t.Context(), []byte(bad)); !errors.Is(err, ErrSyntax) {
			t.Errorf("name %q: %v", bad, err)
		}
		s := start()
		if _, _, _, err := s.Next(t.Context(), []byte("anna")); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := s.Next(t.Context(), []byte(bad)); !errors.Is(err, ErrSyntax) {
			t.Errorf("password %q: %v", bad, err)
		}
	}
}

func TestEncoding(t *testing.T) {
	for in, want := range map[string]error{
		"*": ErrCancelled, "**": ErrSyntax, "YQ=": ErrSyntax, "YQ": ErrSyntax, "YR==": ErrSyntax, "Y Q==": ErrSyntax, "YQ\n==": ErrSyntax,
		strings.Repeat("A", MaxLine+4): ErrTooLong, strings.Repeat("AAAA", MaxMessage/3+2): ErrTooLong, "": nil, "YQ==": nil,
	} {
		out, err := DecodeResponse([]byte(in))
		if !errors.Is(err, want) || err == nil && out == nil {
			t.Errorf("%.20q: %q %v", in, out, err)
		}
	}
	if out, err := DecodeInitial([]byte("=")); err != nil || out == nil || len(out) != 0 {
		t.Errorf("=: %q %v", out, err)
	}
	if _, err := DecodeInitial(nil); !errors.Is(err, ErrSyntax) {
		t.Errorf("nothing: %v", err)
	}
	full := bytes.Repeat([]byte{'x'}, MaxMessage)
	if out, err := DecodeResponse(AppendChallenge(nil, full)); err != nil || !bytes.Equal(out, full) {
		t.Errorf("largest: %v", err)
	}
}

// TestChannelOf makes a real TLS connection: both ends see the same bindings, and another connection has another exporter.
func TestChannelOf(t *testing.T) {
	cert := httptest.NewUnstartedServer(nil)
	cert.StartTLS()
	defer cert.Close()
	conf := cert.TLS.Clone()
	conf.NextProtos = nil
	connect := func(version uint16) (client, server Channel) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		conf := conf.Clone()
		conf.MaxVersion = version
		srv := tls.Server(a, conf)
		cl := tls.Client(b, &tls.Config{InsecureSkipVerify: true})
		failed := make(chan error, 1)
		go func() { failed <- srv.HandshakeContext(context.Background()) }()
		if err := cl.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
		cs, ss := cl.ConnectionState(), srv.ConnectionState()
		return ChannelOf(&cs, cs.PeerCertificates[0]), ChannelOf(&ss, cert.Certificate())
	}
	c, s := connect(tls.VersionTLS13)
	if len(c.Binding.TLSExporter) != 32 || !bytes.Equal(c.Binding.TLSExporter, s.Binding.TLSExporter) {
		t.Errorf("tls-exporter: %x and %x", c.Binding.TLSExporter, s.Binding.TLSExporter)
	}
	if len(c.Binding.TLSServerEndPoint) != 32 || !bytes.Equal(c.Binding.TLSServerEndPoint, s.Binding.TLSServerEndPoint) {
		t.Errorf("tls-server-end-point: %x and %x", c.Binding.TLSServerEndPoint, s.Binding.TLSServerEndPoint)
	}
	if again, _ := connect(tls.VersionTLS13); bytes.Equal(again.Binding.TLSExporter, c.Binding.TLSExporter) {
		t.Error("two connections share an exporter")
	}
	if old, _ := connect(tls.VersionTLS12); old.Binding.TLSExporter != nil || old.Binding.TLSServerEndPoint == nil {
		t.Errorf("TLS 1.2: %+v", old.Binding)
	}
	if private := (Channel{Private: true}); !slices.Equal(Mechanisms(private), []string{ScramSHA256, Plain, Login}) {
		t.Errorf("on a private wire there is %v", Mechanisms(private))
	}
	if clear := ChannelOf(nil, nil); clear.TLS || clear.Binding != nil || Mechanisms(clear) != nil {
		t.Errorf("clear text: %+v", clear)
	}
}
