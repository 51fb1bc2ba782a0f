package bounce

import (
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

// TestWhy holds the reasons to what servers of this world say.
func TestWhy(t *testing.T) {
	for _, c := range []struct {
		code     int
		enhanced string
		reply    string
		want     reason
	}{
		{550, "5.1.1", "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking", noAddress},
		{550, "", "550 Requested action not taken: mailbox unavailable", noAddress},
		{550, "5.0.0", "550 <x@y.test>: User unknown in virtual mailbox table", noAddress},
		{550, "5.4.1", "550 5.4.1 Recipient address rejected: Access denied.", noAddress},
		{554, "5.7.1", "554 5.7.1 <x@y.test>: Relay access denied", notInCharge},
		{554, "5.7.1", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", blocked},
		{550, "5.7.1", "550 5.7.1 Our system has detected that this message is likely unsolicited mail", spam},
		{550, "5.7.26", "550-5.7.26 Your email has been blocked because the sender is unauthenticated", unproven},
		{550, "5.7.1", "550 5.7.1 rejected by DMARC policy", unproven},
		{550, "5.7.25", "550 5.7.25 The IP address sending this message does not have a PTR record", blocked},
		{552, "5.2.2", "552 5.2.2 The recipient's inbox is out of storage space", full},
		{452, "4.2.2", "452 4.2.2 over quota", full},
		{552, "", "552 Mailbox quota exceeded", full},
		{552, "5.3.4", "552 5.3.4 Message size exceeds fixed limit", tooLarge},
		{552, "", "552 denied", tooLarge},
		{550, "5.2.1", "550 5.2.1 The email account that you tried to reach is disabled.", disabled},
		{553, "5.1.8", "553 5.1.8 Sender address rejected: Domain not found", badSender},
		{0, "5.1.2", "the domain sued.test does not exist", noDomain},
		{550, "5.1.2", "550 5.1.2 unknown user here", noAddress},
		{0, "5.1.10", "the domain does not take mail", noMail},
		{0, "5.6.7", "", needsUTF8},
		{0, "5.6.3", "", needs8Bit},
		{0, "5.7.30", "", needsTLS},
		{530, "5.7.0", "530 5.7.0 Must issue a STARTTLS command first", needsTLS},
		{535, "5.7.8", "535 5.7.8 Authentication credentials invalid", provider},
		{554, "5.4.6", "554 5.4.6 Too many hops", loop},
		{554, "", "554 Transaction failed", refused},
		{554, "5.6.0", "554 5.6.0 malformed", badContent},
	} {
		o := queue.Outcome{Action: queue.ActionFailed, Result: queue.Result{
			Status: queue.Failed, Code: c.code, Enhanced: c.enhanced, Reply: c.reply, Server: "mx.sued.test"}}
		if got := why(o); got != c.want {
			t.Errorf("%s %q: reason %d, want %d", c.enhanced, c.reply, got, c.want)
		}
	}
	expired := queue.Outcome{Expired: true, Result: queue.Result{Status: queue.Deferred, Enhanced: "4.4.1", Reply: "it took too long", Server: "mx"}}
	if got := why(expired); got != unreachable {
		t.Errorf("nobody answered: %d", got)
	}
	expired.Result = queue.Result{Status: queue.Deferred, Code: 451, Enhanced: "4.7.0", Reply: "451 come again"}
	if got := why(expired); got != notNow {
		t.Errorf("put off for days: %d", got)
	}
}

func TestEveryReasonIsSaid(t *testing.T) {
	nt := &notice{bn: New(Options{Hostname: "mx.nord.test"}), n: queue.Notice{Message: &queue.Message{}}}
	o := queue.Outcome{Recipient: mail.Recipient{Address: mail.Address{Local: "jan", Domain: "sued.test"}}}
	for r := range sentences {
		for _, lang := range []text.Lang{text.EN, text.DE} {
			nt.orig = &original{}
			for _, s := range []string{nt.because(lang, reason(r), o), nt.help(lang, reason(r), o)} {
				if len(s) < 20 || s[len(s)-1] != '.' || containsVerbError(s) {
					t.Errorf("reason %d in %s: %q", r, lang, s)
				}
			}
		}
	}
}

func containsVerbError(s string) bool {
	for i := range len(s) - 1 {
		if s[i] == '%' && (s[i+1] == '!' || s[i+1] == 's') {
			return true
		}
	}
	return false
}

func TestStatusCode(t *testing.T) {
	for _, c := range []struct {
		action   queue.Action
		expired  bool
		enhanced string
		want     string
	}{
		{queue.ActionFailed, false, "5.1.1", "5.1.1"},
		{queue.ActionFailed, false, "", "5.0.0"},
		{queue.ActionFailed, false, "4.2.2", "5.2.2"},
		{queue.ActionFailed, true, "4.4.1", "4.4.1"},
		{queue.ActionFailed, true, "", "4.4.7"},
		{queue.ActionFailed, true, "4.0.0", "4.4.7"},
		{queue.ActionDelayed, false, "4.7.1", "4.7.1"},
		{queue.ActionDelayed, false, "junk", "4.4.1"}, // nobody answered
		{queue.ActionDelivered, false, "2.1.5", "2.1.5"},
		{queue.ActionRelayed, false, "", "2.0.0"},
	} {
		o := queue.Outcome{Action: c.action, Expired: c.expired, Result: queue.Result{Enhanced: c.enhanced}}
		if c.action == queue.ActionFailed && !c.expired {
			o.Result.Status = queue.Failed
		}
		if got := statusCode(o); got != c.want {
			t.Errorf("%v %q: %s, want %s", c.action, c.enhanced, got, c.want)
		}
	}
}

func TestStatusFromWords(t *testing.T) {
	for reply, want := range map[string]string{
		"552 mailbox full, sorry":        "5.2.2",
		"550 User unknown":               "5.1.1",
		"554 go away":                    "5.0.0",
		"550 listed at zen.spamhaus.org": "5.7.1",
	} {
		o := queue.Outcome{Action: queue.ActionFailed, Result: queue.Result{Status: queue.Failed, Code: 550, Enhanced: "5.0.0", Reply: reply}}
		if got := statusCode(o); got != want {
			t.Errorf("%s: %s, want %s", reply, got, want)
		}
	}
}

func TestTypedAddress(t *testing.T) {
	for _, c := range []struct {
		utf8 bool
		kind string
		in   string
		want string
	}{
		{false, "", "a@b.test", "rfc822; a@b.test"},
		{true, "utf-8", "jörg@b.test", "utf-8; jörg@b.test"},
		{false, "utf-8", "jörg+x@b.test", `utf-8; j\x{F6}rg\x{2B}x@b.test`},
	} {
		if got := (&notice{utf8: c.utf8}).typed(c.kind, c.in); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
