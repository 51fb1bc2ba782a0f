package text

import (
	"fmt"
	"strings"
)

// findings are what the relay finds itself, without another server having said it. The relay keeps the English words, which are in
// logs and notices; Words says them in another language. At most one %s in each.
var findings = [...][langCount]string{
	{"connection failed", "Verbindung fehlgeschlagen"},
	{"connection lost", "Verbindung abgebrochen"},
	{"connection lost while the message was sent", "Verbindung während der Übertragung abgebrochen"},
	{"no greeting", "keine Begrüßung"},
	{"no answer to %s", "keine Antwort auf %s"},
	{"the server took the message and did not answer", "der Server hat die Nachricht entgegengenommen und nicht geantwortet"},
	{"TLS handshake failed", "TLS kam nicht zustande"},
	{"the server answers before it is asked", "der Server antwortet, bevor er gefragt ist"},
	{"the server offers no encryption, which is demanded", "der Server bietet keine Verschlüsselung an, sie ist aber verlangt"},
	{"login to the smarthost", "Anmeldung beim Smarthost"},
	{"login to the smarthost refused", "Anmeldung beim Smarthost abgelehnt"},
	{"the password for the smarthost cannot be read", "das Passwort für den Smarthost ist nicht lesbar"},
	{"it took too long", "es hat zu lange gedauert"},
	{"it was broken off, as it took too long or the server stops", "abgebrochen, weil es zu lange dauerte oder der Server beendet wird"},
	{"the other side closed the connection", "die Gegenseite hat die Verbindung geschlossen"},
	{"connection refused", "Verbindung abgelehnt"},
	{"connection reset by peer", "Verbindung von der Gegenseite zurückgesetzt"},
	{"no route to host", "kein Weg zum Rechner"},
	{"network is unreachable", "Netz nicht erreichbar"},
	{"connection timed out", "Zeit für die Verbindung abgelaufen"},
	{"i/o timeout", "Zeit abgelaufen"},
	{"the domain %s does not exist", "die Domain %s gibt es nicht"},
	{"the domain %s does not take mail", "die Domain %s nimmt keine Post an"},
	{"the mail servers of %s cannot be looked up now", "die Mailserver von %s lassen sich zurzeit nicht ermitteln"},
	{"the address of %s cannot be looked up now", "die Adresse von %s lässt sich zurzeit nicht ermitteln"},
	{"the server %s has no address", "der Server %s hat keine Adresse"},
	{"this server is the best mail server of %s but does not know the domain", "dieser Server ist der erste Mailserver von %s, kennt die Domain aber nicht"},
	{"no mail server of %s could be reached", "kein Mailserver von %s war erreichbar"},
	{"the server %s does not take 8-bit content (8BITMIME)", "der Server %s nimmt keine 8-Bit-Inhalte an (8BITMIME)"},
	{"the server %s does not take binary content (BINARYMIME)", "der Server %s nimmt keine binären Inhalte an (BINARYMIME)"},
	{"the server %s does not take 8-bit content (8BITMIME), and a signed message cannot be changed", "der Server %s nimmt keine 8-Bit-Inhalte an (8BITMIME), und eine signierte Nachricht darf nicht umgeschrieben werden"},
	{"the server %s does not take binary content (BINARYMIME), and a signed message cannot be changed", "der Server %s nimmt keine binären Inhalte an (BINARYMIME), und eine signierte Nachricht darf nicht umgeschrieben werden"},
	{"the server %s does not take internationalised mail (SMTPUTF8)", "der Server %s nimmt keine internationalisierte Post an (SMTPUTF8)"},
	{"the server %s does not take internationalised addresses (SMTPUTF8)", "der Server %s nimmt keine internationalisierten Adressen an (SMTPUTF8)"},
	{"the message is too large for the server %s", "die Nachricht ist zu groß für den Server %s"},
	{"the content has a bare CR or LF, which cannot be sent to %s", "der Inhalt hat ein einzelnes CR oder LF, das sich nicht an %s senden lässt"},
	{"the message's content cannot be read now", "der Inhalt der Nachricht ist zurzeit nicht lesbar"},
	{"the time to deliver it has run out", "die Frist für die Zustellung ist abgelaufen"},
}

// Words says in the language what the relay found, given in English: one finding, or several joined by ": ". What is not known,
// as another server's own words, stays as it is.
func Words(l Lang, english string) string {
	if l == EN {
		return english
	}
	if s, ok := finding(l, english); ok {
		return s
	}
	parts := strings.Split(english, ": ")
	for i, p := range parts {
		if s, ok := finding(l, p); ok {
			parts[i] = s
		}
	}
	return strings.Join(parts, ": ")
}

func finding(l Lang, english string) (string, bool) {
	best, found := "", false
	for _, s := range findings {
		before, after, gap := strings.Cut(s[EN], "%s")
		switch {
		case s[EN] == english:
			return s[l], true
		case gap && len(english) > len(before)+len(after) && strings.HasPrefix(english, before) && strings.HasSuffix(english, after) &&
			!strings.Contains(english, ": "):
			best, found = fmt.Sprintf(s[l], english[len(before):len(english)-len(after)]), true
		}
	}
	return best, found
}
