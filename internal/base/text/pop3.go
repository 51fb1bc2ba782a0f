package text

// What POP3 says, in the language the client asked for with LANG (RFC 6856 section 3), as programs show it to people.
const (
	POP3Ready         Key = "pop3.ready"
	POP3Bye           Key = "pop3.bye"
	POP3Welcome       Key = "pop3.welcome"
	POP3Messages      Key = "pop3.messages"
	POP3Octets        Key = "pop3.octets"
	POP3Deleted       Key = "pop3.deleted"
	POP3Noop          Key = "pop3.noop"
	POP3SendPassword  Key = "pop3.send-password"
	POP3BeginTLS      Key = "pop3.begin-tls"
	POP3UTF8          Key = "pop3.utf8"
	POP3Language      Key = "pop3.language"
	POP3LanguageName  Key = "pop3.language-name"
	POP3Languages     Key = "pop3.languages"
	POP3Mechanisms    Key = "pop3.mechanisms"
	POP3Capabilities  Key = "pop3.capabilities"
	POP3Unknown       Key = "pop3.unknown"
	POP3BadArgument   Key = "pop3.bad-argument"
	POP3LineTooLong   Key = "pop3.line-too-long"
	POP3BareNewline   Key = "pop3.bare-newline"
	POP3LoginFirst    Key = "pop3.login-first"
	POP3UserFirst     Key = "pop3.user-first"
	POP3TLSFirst      Key = "pop3.tls-first"
	POP3TLSAlready    Key = "pop3.tls-already"
	POP3NoTLS         Key = "pop3.no-tls"
	POP3NotNow        Key = "pop3.not-now"
	POP3NoLanguage    Key = "pop3.no-language"
	POP3NoMechanism   Key = "pop3.no-mechanism"
	POP3NoSuchMessage Key = "pop3.no-such-message"
	POP3Gone          Key = "pop3.gone"
	POP3Failed        Key = "pop3.failed"
	POP3WrongLogin    Key = "pop3.wrong-login"
	POP3LoginLater    Key = "pop3.login-later"
	POP3LoginDelay    Key = "pop3.login-delay"
	POP3InUse         Key = "pop3.in-use"
	POP3Cancelled     Key = "pop3.cancelled"
	POP3BadResponse   Key = "pop3.bad-response"
	POP3TooManyErrors Key = "pop3.too-many-errors"
	POP3TooManyLogins Key = "pop3.too-many-logins"
	POP3Timeout       Key = "pop3.timeout"
	POP3ShuttingDown  Key = "pop3.shutting-down"
	POP3LoginEnded    Key = "pop3.login-ended"
)

var pop3Texts = table{
	POP3Ready:         {"Posthorn is ready", "Posthorn ist bereit"},
	POP3Bye:           {"goodbye", "auf Wiedersehen"},
	POP3Welcome:       {"%d messages (%d octets)", "%d Nachrichten (%d Bytes)"},
	POP3Messages:      {"%d messages (%d octets)", "%d Nachrichten (%d Bytes)"},
	POP3Octets:        {"%d octets", "%d Bytes"},
	POP3Deleted:       {"message %d deleted", "Nachricht %d gelöscht"},
	POP3Noop:          {"done", "erledigt"},
	POP3SendPassword:  {"send the password", "weiter mit dem Passwort"},
	POP3BeginTLS:      {"begin TLS now", "jetzt TLS beginnen"},
	POP3UTF8:          {"UTF-8 it is", "ab jetzt UTF-8"},
	POP3Language:      {"%s English from now on", "%s ab jetzt auf Deutsch"},
	POP3LanguageName:  {"English", "Deutsch"},
	POP3Languages:     {"languages follow", "Liste der Sprachen"},
	POP3Mechanisms:    {"mechanisms follow", "Liste der Verfahren"},
	POP3Capabilities:  {"capabilities follow", "Liste der Fähigkeiten"},
	POP3Unknown:       {"unknown command", "unbekannter Befehl"},
	POP3BadArgument:   {"bad argument", "der Befehl ist hier falsch ergänzt"},
	POP3LineTooLong:   {"line too long", "die Zeile ist zu lang"},
	POP3BareNewline:   {"lines end with CRLF", "Zeilen enden mit CRLF"},
	POP3LoginFirst:    {"log in first", "zuerst bitte anmelden"},
	POP3UserFirst:     {"USER comes first", "zuerst kommt USER"},
	POP3TLSFirst:      {"logins need TLS: use STLS first", "Anmelden geht nur mit TLS: zuerst bitte STLS"},
	POP3TLSAlready:    {"TLS is on already", "TLS ist schon an"},
	POP3NoTLS:         {"TLS is not available here", "TLS gibt es hier nicht"},
	POP3NotNow:        {"not possible now", "das geht jetzt nicht"},
	POP3NoLanguage:    {"this language is not spoken here", "diese Sprache gibt es hier nicht"},
	POP3NoMechanism:   {"this mechanism is not available", "dieses Verfahren gibt es hier nicht"},
	POP3NoSuchMessage: {"no such message", "diese Nachricht gibt es nicht"},
	POP3Gone:          {"the message was removed meanwhile", "die Nachricht wurde inzwischen entfernt"},
	POP3Failed:        {"something went wrong here, please try again later", "hier ist etwas schiefgegangen, bitte später noch einmal versuchen"},
	POP3WrongLogin:    {"wrong user name or password", "Benutzername oder Passwort ist falsch"},
	POP3LoginLater:    {"no login possible now, please try again later", "Anmelden ist gerade nicht möglich, bitte später noch einmal versuchen"},
	POP3LoginDelay:    {"you logged in a moment ago, please wait", "die letzte Anmeldung ist noch zu kurz her, bitte warten"},
	POP3InUse:         {"another session has this mailbox", "eine andere Sitzung hat dieses Postfach gerade offen"},
	POP3Cancelled:     {"login cancelled", "Anmeldung abgebrochen"},
	POP3BadResponse:   {"this login cannot be read", "diese Anmeldung ist nicht lesbar"},
	POP3TooManyErrors: {"too many errors, goodbye", "zu viele Fehler, auf Wiedersehen"},
	POP3TooManyLogins: {"too many failed logins, goodbye", "zu viele falsche Anmeldungen, auf Wiedersehen"},
	POP3Timeout:       {"timeout, goodbye", "zu lange nichts gehört, auf Wiedersehen"},
	POP3ShuttingDown:  {"the server is shutting down, please come again", "der Server wird beendet, bitte später wiederkommen"},
	POP3LoginEnded: {
		"your password or your right to log in was changed, please log in again",
		"das Passwort oder das Recht zur Anmeldung wurde geändert, bitte neu anmelden",
	},
}
