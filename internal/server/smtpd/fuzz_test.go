package smtpd

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/listen"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	wire "github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// tape is a connection whose client has said everything already, in pieces.
type tape struct {
	net.Conn // nil: nothing else may be called
	in       []byte
	piece    int
	out      bytes.Buffer
}

func (t *tape) Read(p []byte) (int, error) {
	if len(t.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, t.in[:min(t.piece, len(t.in))])
	t.in = t.in[n:]
	return n, nil
}

func (t *tape) Write(p []byte) (int, error)      { return t.out.Write(p) }
func (t *tape) Close() error                     { return nil }
func (t *tape) SetReadDeadline(time.Time) error  { return nil }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }

// FuzzSession holds what must be true of any session: it ends, its replies are well formed, a message is there exactly if
// its 250 was said, and no accepted text has a bare CR or LF.
func FuzzSession(f *testing.F) {
	for _, s := range conversations() {
		if bool(s.implicit) || strings.Contains(s.script, "tls\n") {
			continue
		}
		f.Add(uint8(s.role), uint8(20), clientSide(s.script))
	}
	f.Fuzz(func(t *testing.T, role, piece uint8, in []byte) {
		rec := newRecorder()
		cfg := Config{Role: Role(role % 3), Hostname: "mx.posthorn.test", Intake: rec, Clock: clock.NewFake(testNow), Trusted: anybody}
		tp := &tape{in: in, piece: int(piece) + 1}
		srv := New(cfg)
		srv.session(t.Context(), line.NewConn(tp, line.Config{MaxLine: maxLine, Pool: &srv.pool}), &listen.Conn{Remote: netip.MustParseAddrPort("192.0.2.1:4711")})
		checkReplies(t, rec, tp.out.Bytes(), cfg.Role)
	})
}

var anybody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}

// clientSide is what the client sends in a script.
func clientSide(script string) []byte {
	var b bytes.Buffer
	for l := range strings.SplitSeq(script, "\n") {
		l = strings.TrimSpace(l)
		if rest, ok := strings.CutPrefix(l, "> "); ok {
			b.WriteString(rest + "\r\n")
		} else if rest, ok := strings.CutPrefix(l, ">> "); ok {
			b.WriteString(strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\x00`, "\x00", `"`, "").Replace(rest))
		}
	}
	return b.Bytes()
}

func checkReplies(t *testing.T, rec *recorder, out []byte, role Role) {
	t.Helper()
	said := 0
	rest := &tape{in: out, piece: 1 << 20}
	lc := line.NewConn(rest, line.Config{})
	for {
		r, err := wire.ReadReply(lc)
		if err != nil {
			if len(rest.in) > 0 || lc.Buffered() > 0 {
				t.Fatalf("malformed reply: %v in %q", err, out)
			}
			break
		}
		if strings.HasPrefix(r.Text(), "Accepted, message id") {
			said++
		}
	}
	there := 0
	for _, m := range rec.messages() {
		if role == LMTP {
			for _, to := range m.to {
				if to.Address.Local != "late" {
					there++
				}
			}
		} else {
			there++
		}
		text := strings.ReplaceAll(m.body, "\r\n", "")
		if m.env.Body != mail.BodyBinary && strings.ContainsAny(text, "\r\n") {
			t.Fatalf("accepted %q", m.body)
		}
	}
	if said != there {
		t.Fatalf("%d messages are there, %d were said to be: %q", there, said, out)
	}
}
