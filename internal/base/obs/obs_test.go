package obs

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

var (
	now     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	msg     = mail.MessageID{ID: mail.FirstID(now)}
	anna    = mail.Address{Local: "anna", Domain: "nord.test"}
	session = Session{Proto: ProtoSubmission, Peer: netip.MustParseAddr("::ffff:192.0.2.7"), TLS: tls.VersionTLS13, Account: "anna@nord.test"}
)

func newLog(f Format) (*MailLog, *Metrics, *bytes.Buffer) {
	var out bytes.Buffer
	m := NewMetrics()
	return NewMailLog(&out, f, clock.NewFake(now), m), m, &out
}

// TestMailLogIsTheContract holds the lines operators' scripts read. A change here breaks them.
func TestMailLogIsTheContract(t *testing.T) {
	l, m, out := newLog(FormatText)
	a := Attempt{ID: msg, To: anna, Host: "mx.sued.test", Peer: "192.0.2.9", TLS: tls.VersionTLS12, Number: 2, Status: "4.2.1",
		Reply: "451 4.2.1 try \"later\"\r\nevent=accepted", Delay: 90 * time.Second, NextTry: now.Add(time.Hour)}
	closed := l.Connected(Session{Proto: ProtoSMTP, Peer: session.Peer})
	l.LoginOK(session, "PLAIN")
	l.LoginFailed(session, "PLAIN", "eve", "wrong password")
	l.Locked(session, "eve", "too many failures")
	l.Refused(session, Refusal{Stage: StageRcpt, From: anna, To: anna, Status: "5.1.1", Fault: mail.Refuse(mail.KindNoSuchUser, "no such user")})
	l.Accepted(session, msg, anna, 2, 4096)
	l.Delivered(msg, anna, "anna@nord.test", 4096, 1500*time.Microsecond)
	l.Relayed(a)
	l.Deferred(a)
	l.Returned(msg, anna, "5.1.1", "no such user", time.Minute)
	l.Held(msg, "admin")
	l.Released(msg, "admin")
	l.Cancelled(msg, "admin")
	l.Removed(session, 3)
	id := msg.String()
	who := "proto=submission peer=192.0.2.7 tls=TLS1.3 account=anna@nord.test "
	who0 := "proto=submission peer=192.0.2.7 tls=TLS1.3 "
	try := "id=" + id + ` to=anna@nord.test host=mx.sued.test peer=192.0.2.9 tls=TLS1.2 attempt=2 status=4.2.1 ` +
		`reply="451 4.2.1 try \"later\"\r\nevent=accepted" delay=90`
	want := []string{
		`connected proto=smtp peer=192.0.2.7 tls=""`,
		"login " + who + "mechanism=PLAIN",
		"login-failed " + who0 + `name=eve mechanism=PLAIN reason="wrong password"`,
		"locked " + who0 + `name=eve reason="too many failures"`,
		"refused " + who + `stage=rcpt from=anna@nord.test to=anna@nord.test status=5.1.1 reason="no such user"`,
		"accepted " + who + "id=" + id + " from=anna@nord.test count=2 size=4096",
		"delivered id=" + id + " to=anna@nord.test account=anna@nord.test size=4096 delay=0.002",
		"relayed " + try,
		"deferred " + try + " next=2026-03-01T13:00:00Z",
		"returned id=" + id + ` to=anna@nord.test status=5.1.1 reason="no such user" delay=60`,
		"held id=" + id + " by=admin",
		"released id=" + id + " by=admin",
		"cancelled id=" + id + " by=admin",
		"removed " + who + "count=3",
	}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines for %d events:\n%s", len(got), len(want), out)
	}
	for i := range want {
		if w := "time=2026-03-01T12:00:00.000Z event=" + want[i]; got[i] != w {
			t.Errorf("got  %s\nwant %s", got[i], w)
		}
	}
	wantMetric(t, m, `posthorn_sessions{proto="smtp"} 1`)
	closed()
	for _, line := range []string{
		`posthorn_sessions{proto="smtp"} 0`,
		`posthorn_connections_total{proto="smtp"} 1`,
		`posthorn_logins_total{proto="submission",result="ok"} 1`,
		`posthorn_logins_total{proto="submission",result="failed"} 1`,
		`posthorn_logins_total{proto="submission",result="locked"} 1`,
		`posthorn_refused_total{kind="permanent",proto="submission",stage="rcpt"} 1`,
		`posthorn_accepted_messages_total{proto="submission"} 1`,
		`posthorn_accepted_bytes_total{proto="submission"} 4096`,
		`posthorn_recipients_total{outcome="delivered"} 1`,
		`posthorn_recipients_total{outcome="relayed"} 1`,
		`posthorn_recipients_total{outcome="deferred"} 1`,
		`posthorn_recipients_total{outcome="returned"} 1`,
		`posthorn_delivery_seconds_count{outcome="returned"} 1`,
		`posthorn_queue_actions_total{action="held"} 1`,
		`posthorn_removed_emails_total{proto="submission"} 3`,
	} {
		wantMetric(t, m, line)
	}
}

func wantMetric(t *testing.T, m *Metrics, line string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
		t.Errorf("metrics lack %s", line)
	}
}

func TestNilMailLogTakesEverything(t *testing.T) {
	var l *MailLog
	v := reflect.ValueOf(l)
	for i := range v.NumMethod() {
		m := v.Method(i)
		in := make([]reflect.Value, m.Type().NumIn())
		for j := range in {
			in[j] = reflect.Zero(m.Type().In(j))
		}
		m.Call(in)
	}
	l.Connected(Session{})()
}

func TestLogIsBounded(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, FormatJSON, slog.LevelInfo)
	log.Debug("not written")
	log.Info("long", "value", strings.Repeat("ä", MaxValue), "err", errors.New(strings.Repeat("x", 9000)))
	var line struct{ Msg, Value, Err string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{line.Value, line.Err} {
		if len(s) > MaxValue+len("…") || !strings.HasSuffix(s, "…") || !utf8.ValidString(s) {
			t.Errorf("logged %d bytes", len(s))
		}
	}
	if line.Msg != "long" {
		t.Errorf("msg is %q", line.Msg)
	}
}

func BenchmarkDelivered(b *testing.B) {
	l, _, out := newLog(FormatText)
	b.ReportAllocs()
	for b.Loop() {
		l.Delivered(msg, anna, "anna@nord.test", 4096, time.Millisecond)
		out.Reset()
	}
}
