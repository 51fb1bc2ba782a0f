package relay

import (
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
)

// TestScripts plays one or more connections and looks at the results of a message to one or more recipients.
func TestScripts(t *testing.T) {
	for name, tc := range scriptCases {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, nil, tc.scripts...)
			b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, nil)
			body := tc.body
			if body == "" {
				body = content
			}
			m := b.message(body)
			if tc.change != nil {
				tc.change(m)
			}
			to := tc.to
			if to == "" {
				to = "a@x.test"
			}
			b.zone.Remove("mx2.x.test")
			got := b.send(m, strings.Fields(to)...)
			if s := statuses(got); s != tc.want {
				t.Fatalf("%s, want %s: %+v", s, tc.want, got.Results)
			}
			status, words, _ := strings.Cut(tc.reply, " ")
			if r := got.Results[0]; tc.reply != "" && (r.Enhanced != status || !strings.Contains(r.Reply, words)) {
				t.Errorf("%q %q", r.Enhanced, r.Reply)
			}
			for _, r := range got.Results {
				if r.Code == 0 && r.Reply != "" && text.Words(text.DE, r.Reply) == r.Reply {
					t.Errorf("nobody says in German: %q", r.Reply)
				}
			}
			b.relay.Close() // waits for QUIT
			srv.mu.Lock()
			defer srv.mu.Unlock()
			for _, got := range srv.bodies {
				if got != body && strings.HasPrefix(tc.want, "ok") {
					t.Errorf("the content came as %q", got)
				}
			}
		})
	}
}

func TestNextServerOnTrouble(t *testing.T) {
	for name, first := range map[string]script{
		"refuses connections": "S: 421 busy\nCLOSE",
		"goes away":           "S: 220 mx\nC: EHLO\nCLOSE",
		"MAIL not now":        script(hello() + "C: MAIL\nS: 451 not now"),
		"lost in RCPT":        script(hello() + "C: MAIL\nS: 250 ok\nC: RCPT\nCLOSE"),
	} {
		t.Run(name, func(t *testing.T) {
			one, two := serve(t, nil, first), serve(t, nil, simple)
			b := newBench(t, dialer{"192.0.2.1:25": one.addr, "192.0.2.2:25": two.addr}, nil)
			got := b.send(b.message(content), "a@x.test")
			if statuses(got) != "ok" || got.Results[0].Server != "mx2.x.test" {
				t.Fatalf("%+v", got)
			}
		})
	}
}

func TestNowhereToGo(t *testing.T) {
	b := newBench(t, dialer{}, nil)
	b.zone.Break("broken.test")
	for to, want := range map[string]string{
		"a@nowhere.test": "never", "a@null.test": "never", "a@x.test": "later unreachable", "a@broken.test": "later unreachable",
	} {
		if got := b.send(b.message(content), to); statuses(got) != want || len(got.Events) == 0 {
			t.Errorf("%s: %s %+v", to, statuses(got), got)
		}
	}
}

// A slip in our configuration returns nobody's mail.
func TestSmarthostWithoutAddress(t *testing.T) {
	b := newBench(t, dialer{}, func(_ *Options, o *route.Options) {
		o.Rules = []route.Rule{{Via: route.Smarthost{Host: "smart.nowhere.test"}}}
	})
	if got := b.send(b.message(content), "a@x.test"); statuses(got) != "later unreachable" {
		t.Errorf("%s %+v", statuses(got), got)
	}
}

func TestConnectionIsUsedAgain(t *testing.T) {
	again := func(n string) string {
		return "\nC: MAIL\nS: 250 ok\nC: RCPT\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 " + n + "\n"
	}
	refusedRcpt := "\nC: MAIL\nS: 250 ok\nC: RCPT\nS: 550 no\nC: RSET\nS: 250 ok"
	srv := serve(t, nil, script(hello()+again("one")+refusedRcpt+again("three")), script(hello()+again("four")))
	b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, func(o *Options, _ *route.Options) {
		o.IdleFor, o.MaxMessages = time.Hour, 3
	})
	b.zone.Remove("mx2.x.test")
	m := b.message(content)
	for i, want := range []string{"ok", "never", "ok", "ok"} {
		got := b.send(m, "a@x.test")
		if statuses(got) != want {
			t.Fatalf("message %d: %+v", i, got)
		}
		if last := got.Events[len(got.Events)-1]; (last.Detail == journey.AttemptedAgain) != (i == 1 || i == 2) {
			t.Fatalf("message %d: %+v", i, got.Events)
		}
	}
}

func TestDeadIdleConnectionCostsNothing(t *testing.T) {
	srv := serve(t, nil, simple+"CLOSE", simple)
	b := newBench(t, dialer{"192.0.2.1:25": srv.addr}, func(o *Options, _ *route.Options) { o.IdleFor = time.Hour })
	b.zone.Remove("mx2.x.test")
	for range 2 {
		if got := b.send(b.message(content), "a@x.test"); statuses(got) != "ok" {
			t.Fatalf("%+v", got)
		}
	}
}
