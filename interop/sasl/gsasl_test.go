package sasl_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/interop/node"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestGsasl logs in with GNU SASL's client by every mechanism, through IMAP and submission with STARTTLS. SCRAM-SHA-256-PLUS binds
// to the channel with tls-exporter, as GNU SASL computes it.
func TestGsasl(t *testing.T) {
	gsasl := rig.Need(t, "gsasl", "gsasl")
	dir, now := t.TempDir(), time.Now()
	authority, err := certs.NewAuthority("interop", now)
	must(t, err)
	ca := filepath.Join(dir, "ca.pem")
	must(t, os.WriteFile(ca, authority.PEM(), 0o600))
	pair := certs.Pair{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	must(t, authority.WritePair(pair, now, "localhost"))
	const user, password = "anna@nord.test", "a secret"
	s := rig.Start(t, node.Options{
		Hostname: "mx.nord.test", Domains: []string{"nord.test"}, Accounts: []node.Account{{Address: user, Password: password}},
		Config: fmt.Sprintf("[[tls.certificate]]\ncert = %q\nkey = %q\n", pair.Cert, pair.Key),
	})
	login := func(proto string, port int, mechanism, password string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		args := []string{
			"--" + proto, fmt.Sprintf("--connect=localhost:%d", port), "--hostname=localhost", "--x509-ca-file=" + ca,
			"--mechanism=" + mechanism, "--authentication-id=" + user, "--authorization-id=", "--password=" + password, "--verbose", "--no-client-first",
		}
		if mechanism == "SCRAM-SHA-256" {
			args = append(args, "--no-cb") // else the client wants SCRAM-SHA-256-PLUS
		}
		cmd := exec.CommandContext(ctx, gsasl, args...)
		cmd.Stdin = strings.NewReader("")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		return out.String(), err
	}
	for proto, listener := range map[string]string{"imap": "imap", "smtp": "submission"} {
		for _, mechanism := range []string{"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"} {
			t.Run(proto+" "+mechanism, func(t *testing.T) {
				out, err := login(proto, s.Ports[listener], mechanism, password)
				if err != nil || !strings.Contains(out, "Client authentication finished (server trusted)") {
					t.Errorf("%v\n%s", err, out)
				}
				if out, _ := login(proto, s.Ports[listener], mechanism, "wrong"); strings.Contains(out, "Client authentication finished (server trusted)") {
					t.Errorf("a wrong password\n%s", out)
				}
			})
		}
	}
}
