package obs

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
)

// TestLineIsSlogs holds our lines to the form of log/slog, which operators' tools know.
func TestLineIsSlogs(t *testing.T) {
	values := []string{"", "plain", "a b", "a=b", `say "x"`, `back\slash`, "ümlaut", "tab\t", "line\r\nevent=accepted", "\x00", "\xff",
		"\u2028", "<&>", "\u200b", "\u00a0", strings.Repeat("ü", MaxValue)}
	for _, f := range []Format{FormatText, FormatJSON} {
		for _, v := range values {
			var want bytes.Buffer
			r := slog.NewRecord(now, slog.LevelInfo, "test", 0)
			r.AddAttrs(slog.String("value", v), slog.Int("n", -7), slog.Float64("delay", 0.002))
			h := newHandler(&want, f, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				switch a.Key {
				case slog.LevelKey:
					return slog.Attr{}
				case slog.MessageKey:
					a.Key = "event"
				}
				return bound(nil, a)
			}})
			if err := h.Handle(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			n := line{json: f == FormatJSON}
			got := n.begin(now, "test").str("value", v).int("n", -7).delay(2 * time.Millisecond).end()
			if f == FormatText && string(got) != want.String() {
				t.Errorf("%q: got %swant %s", v, got, &want)
			}
			if f == FormatJSON && !reflect.DeepEqual(decode(t, got), decode(t, want.Bytes())) {
				t.Errorf("%q: got %swant %s", v, got, &want)
			}
		}
	}
}

func decode(t *testing.T, b []byte) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return out
}

func TestJSONSession(t *testing.T) {
	var out bytes.Buffer
	l := NewMailLog(&out, FormatJSON, clock.NewFake(now), NewMetrics())
	l.LoginOK(session, "PLAIN")
	l.Connected(Session{Proto: ProtoSMTP})
	want := `{"time":"2026-03-01T12:00:00Z","event":"login","proto":"submission","peer":"192.0.2.7","tls":"TLS1.3",` +
		`"account":"anna@nord.test","mechanism":"PLAIN"}` + "\n" +
		`{"time":"2026-03-01T12:00:00Z","event":"connected","proto":"smtp","peer":"","tls":""}` + "\n"
	if out.String() != want {
		t.Errorf("got %s", &out)
	}
}

// writes remembers each write.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestGatherer(t *testing.T) {
	var w writes
	c := clock.NewFake(now)
	g := NewGatherer(&w, c)
	say := func(s string) {
		if n, err := g.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	say("a")
	say("b")
	say("c")
	c.Advance(gatherFor) // writes what is left, without another line
	c.Advance(gatherFor)
	say("d")
	say("e")
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	say("f")
	big := strings.Repeat("x", gatherMost)
	if want := (writes{"a", "bc", "d", "e", "f"}); !reflect.DeepEqual(w, want) {
		t.Errorf("wrote %q, want %q", w, want)
	}
	g = NewGatherer(&w, c)
	say("g")
	say(big)
	if got := len(w[len(w)-1]); got != gatherMost {
		t.Errorf("much was held back: the last write has %d bytes", got)
	}
}
