package screen

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

func header(t *testing.T, s string) message.Header {
	t.Helper()
	h, err := message.ParseHeader([]byte(strings.ReplaceAll(s, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestStandard(t *testing.T) {
	const good = "From: a@b.test\nDate: x\n"
	for _, c := range []struct {
		name, helo, header string
		known              bool
		action             Action
		kind               mail.Kind
		text               string
	}{
		{"good", "mx.sued.test", good, false, Pass, 0, ""},
		{"literal", "[192.0.2.1]", good, false, Pass, 0, ""},
		{"our name", "MX.nord.test.", good, false, Refuse, mail.KindPolicy, "my own name"},
		{"our name, a login", "mx.nord.test", good, true, Pass, 0, ""},
		{"short name", "laptop", good, false, Note, 0, "not a full host name"},
		{"no name", "a b\x00", good, false, Note, 0, "not a host name"},
		{"two From", "mx.sued.test", good + "FROM: c@d.test\n", true, Refuse, mail.KindBadContent, "one From"},
		{"no From", "mx.sued.test", "Date: x\n", false, Note, 0, "no From"},
		{"no address", "mx.sued.test", "From: me\n", false, Note, 0, "no address"},
		{"group", "mx.sued.test", "From: me: a@b.test;\n", false, Pass, 0, ""},
		{"two dates", "mx.sued.test", good + "Date: y\n", false, Note, 0, "more than one Date"},
		{"far", "mx.sued.test", good + strings.Repeat("Received: x\n", MaxHops), false, Pass, 0, ""},
		{"loop", "mx.sued.test", good + strings.Repeat("Received: x\n", MaxHops+1), true, Refuse, mail.KindLoop, "51 servers"},
	} {
		v, err := Run(context.Background(), Standard(), &Message{Protocol: obs.ProtoSMTP, Helo: c.helo, Known: c.known,
			Hostname: "mx.nord.test", Envelope: &mail.Envelope{}, Header: header(t, c.header)})
		if err != nil || v.Action != c.action {
			t.Errorf("%s: %v, %v, want action %v", c.name, v, err, c.action)
			continue
		}
		if c.text != "" && !strings.Contains(v.Reasons[0].Finding.Text, c.text) {
			t.Errorf("%s: reasons %v", c.name, v.Reasons)
		}
		if f := v.Fault(); (f != nil) != (c.action == Refuse) || f != nil && f.Kind != c.kind {
			t.Errorf("%s: fault %v", c.name, f)
		}
	}
}

func TestRunStopsAndKeepsReasons(t *testing.T) {
	var ran []string
	check := func(name string, f Finding, err error) Check {
		return Check{name, func(context.Context, *Message) (Finding, error) {
			ran = append(ran, name)
			return f, err
		}}
	}
	v, err := Run(context.Background(), []Check{
		check("a", Finding{Junk, 0, "odd"}, nil), check("b", Finding{}, nil), check("c", Finding{Note, 0, "n"}, nil),
	}, &Message{})
	if err != nil || v.Action != Junk || len(v.Reasons) != 2 || v.Reasons[1].Check != "c" {
		t.Errorf("%+v, %v", v, err)
	}
	ran = nil
	v, err = Run(context.Background(), []Check{
		check("a", Finding{Note, 0, "n"}, nil), check("b", Finding{Refuse, mail.KindPolicy, "no"}, nil), check("c", Finding{}, nil),
	}, &Message{})
	if err != nil || v.Fault() == nil || v.Fault().Public != "no" || strings.Join(ran, "") != "ab" {
		t.Errorf("%+v, %v, ran %v", v, err, ran)
	}
	broken := errors.New("broken")
	if _, err := Run(context.Background(), []Check{check("a", Finding{}, broken)}, &Message{}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
