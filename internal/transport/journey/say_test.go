package journey

import (
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

func TestSay(t *testing.T) {
	next := time.Date(2026, 3, 1, 12, 30, 0, 0, time.Local)
	zone := next.Format("MST")
	const to = "bert@sued.test"
	for _, tc := range []struct {
		e      Event
		en, de string
	}{
		{Event{Kind: Accepted, Server: "laptop", Address: "192.0.2.7", Protocol: "Submission", TLS: "TLS 1.3", Login: "anna@nord.test", Size: 2048},
			"Accepted from laptop [192.0.2.7] over Submission, encrypted with TLS 1.3, logged in as anna@nord.test, 2 KiB",
			"Angenommen von laptop [192.0.2.7] über Submission, verschlüsselt mit TLS 1.3, angemeldet als anna@nord.test, 2 KiB"},
		{Event{Kind: Accepted, Address: "192.0.2.7", Protocol: "SMTP"},
			"Accepted from [192.0.2.7] over SMTP, not encrypted", "Angenommen von [192.0.2.7] über SMTP, unverschlüsselt"},
		{Event{Kind: Queued, Recipient: to, Next: next},
			"Waits to be sent to " + to + ", not before 1 March 2026 12:30 " + zone,
			"Wartet auf den Versand an " + to + ", nicht vor 1.3.2026, 12:30 Uhr " + zone},
		{Event{Kind: LookedUp, Target: "sued.test", Detail: "mx.sued.test"},
			"The mail servers of sued.test are: mx.sued.test", "Die Mailserver von sued.test sind: mx.sued.test"},
		{Event{Kind: Attempted, Server: "mx.sued.test", Address: "192.0.2.1:25", TLS: "TLS 1.3", Policy: PolicyUnverified},
			"Connected to mx.sued.test [192.0.2.1:25], encrypted with TLS 1.3, certificate not verified",
			"Verbunden mit mx.sued.test [192.0.2.1:25], verschlüsselt mit TLS 1.3, Zertifikat nicht bestätigt"},
		{Event{Kind: Attempted, Server: "mx.sued.test", Address: "192.0.2.1:25", Reply: "connection refused"},
			"No connection to mx.sued.test [192.0.2.1:25]: connection refused",
			"Keine Verbindung zu mx.sued.test [192.0.2.1:25]: Verbindung abgelehnt"},
		{Event{Kind: Deferred, Recipient: to, Server: "mx.sued.test", Reply: "451 later", Next: next},
			"Could not be delivered to " + to + " yet, answer of mx.sued.test: 451 later, next try at 1 March 2026 12:30 " + zone,
			"Konnte noch nicht an " + to + " zugestellt werden, Antwort von mx.sued.test: 451 later, nächster Versuch um 1.3.2026, 12:30 Uhr " + zone},
		{Event{Kind: Failed, Recipient: to, Reply: "the domain sued.test does not exist"},
			"Cannot be delivered to " + to + ", because: the domain sued.test does not exist",
			"Kann nicht an " + to + " zugestellt werden, Grund: die Domain sued.test gibt es nicht"},
		{Event{Kind: LookedUp, Target: "sued.test", Detail: "mail.provider.test", Via: RouteVia},
			"Mail for sued.test goes through mail.provider.test", "Post für sued.test geht über mail.provider.test"},
		{Event{Kind: Attempted, Server: "mx.sued.test", Address: "192.0.2.1:25", Detail: AttemptedAgain},
			"Used the open connection to mx.sued.test [192.0.2.1:25] again, not encrypted",
			"Die offene Verbindung zu mx.sued.test [192.0.2.1:25] weiter benutzt, unverschlüsselt"},
		{Event{Kind: Relayed, Recipient: to, Server: "mx.sued.test", Reply: "250 ok"},
			"Handed over to mx.sued.test for " + to + ", answer: 250 ok", "Für " + to + " an mx.sued.test übergeben, Antwort: 250 ok"},
		{Event{Kind: Held}, "Held back by the administrator", "Angehalten durch die Verwaltung"},
		{Event{Kind: NotReturned, Recipient: to, Detail: ReasonNullPath},
			"Nobody is told about " + to + ": it is itself a notice or has no sender",
			"Niemand wird wegen " + to + " benachrichtigt: sie ist selbst eine Benachrichtigung oder hat keinen Absender"},
	} {
		if got := tc.e.Say(text.EN); got != tc.en {
			t.Errorf("en: %s", got)
		}
		if got := tc.e.Say(text.DE); got != tc.de {
			t.Errorf("de: %s", got)
		}
	}
	for k := Accepted; k < kindEnd; k++ {
		if (Event{Kind: k, Reply: "x", Detail: "y"}).Say(text.DE) == "" {
			t.Errorf("kind %d says nothing", k)
		}
	}
}

func TestSayProtocols(t *testing.T) {
	for _, tc := range []struct {
		e      Event
		en, de string
	}{
		{Event{Kind: Accepted, Protocol: "local", Size: 10}, "Accepted on the server itself, 10 bytes", "Auf dem Server selbst aufgegeben, 10 Bytes"},
		{Event{Kind: Accepted, Protocol: "notice"}, "Written by the server", "Vom Server verfasst"},
		{Event{Kind: Fetched, Protocol: "imap", Recipient: "a@b.test"}, "Fetched by a@b.test over IMAP", "Abgeholt von a@b.test über IMAP"},
	} {
		if en, de := tc.e.Say(text.EN), tc.e.Say(text.DE); en != tc.en || de != tc.de {
			t.Errorf("%s\n%s", en, de)
		}
	}
}
