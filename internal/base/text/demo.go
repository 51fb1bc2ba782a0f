package text

// What the demo tells.
const (
	DemoIntro       Key = "demo.intro"
	DemoStarted     Key = "demo.started"
	DemoStepLetter  Key = "demo.step-letter"
	DemoStepIMAP    Key = "demo.step-imap"
	DemoStepPOP3    Key = "demo.step-pop3"
	DemoStepReply   Key = "demo.step-reply"
	DemoStepNobody  Key = "demo.step-nobody"
	DemoStepNotice  Key = "demo.step-notice"
	DemoAccepted    Key = "demo.accepted"
	DemoRead        Key = "demo.read"
	DemoAttachment  Key = "demo.attachment"
	DemoNotice      Key = "demo.notice"
	DemoSubject     Key = "demo.subject"
	DemoLetter      Key = "demo.letter"
	DemoFilename    Key = "demo.filename"
	DemoReply       Key = "demo.reply"
	DemoLostSubject Key = "demo.lost-subject"
	DemoLostLetter  Key = "demo.lost-letter"
	DemoNotRelayed  Key = "demo.not-relayed"
	DemoNotStored   Key = "demo.not-stored"
	DemoNotFetched  Key = "demo.not-fetched"
	DemoNotReturned Key = "demo.not-returned"
	DemoFailed      Key = "demo.failed"
	DemoDone        Key = "demo.done"
	DemoSettings    Key = "demo.settings"
	DemoServer      Key = "demo.server"
	DemoPort        Key = "demo.port"
	DemoLogin       Key = "demo.login"
	DemoStays       Key = "demo.stays"
)

var demoTexts = table{
	DemoIntro: {
		"Two organisations, nord.test and sued.test, each with a Posthorn of its own, on this machine only.",
		"Zwei Organisationen, nord.test und sued.test, jede mit einem eigenen Posthorn, nur auf diesem Rechner.",
	},
	DemoStarted: {
		"%s and %s are running; a name server of their own answers on %s.\nIndented lines are what the servers record of each message, as it happens.",
		"%s und %s laufen; ein eigener Nameserver antwortet auf %s.\nEingerückt steht, was die Server zu jeder Nachricht festhalten, während es geschieht.",
	},
	DemoStepLetter: {
		"%s writes to %s in the south and, with the same message, to %s next door (port 587, STARTTLS, login).",
		"%s schreibt an %s im Süden und mit derselben Nachricht an %s nebenan (Port 587, STARTTLS, Anmeldung).",
	},
	DemoStepIMAP:   {"%s looks into her inbox (IMAP over TLS).", "%s schaut in ihren Posteingang (IMAP über TLS)."},
	DemoStepPOP3:   {"%s fetches mail (POP3 over TLS).", "%s holt Post ab (POP3 über TLS)."},
	DemoStepReply:  {"%s replies (port 465, TLS from the start, login).", "%s antwortet (Port 465, TLS von Anfang an, Anmeldung)."},
	DemoStepNobody: {"%s writes to %s, an address that does not exist.", "%s schreibt an %s, eine Adresse, die es nicht gibt."},
	DemoStepNotice: {"%s finds the notice in her inbox (IMAP over TLS).", "%s findet die Benachrichtigung in ihrem Posteingang (IMAP über TLS)."},
	DemoAccepted:   {"The server said 250 and named the message %s.", "Der Server hat 250 gesagt und die Nachricht %s genannt."},
	DemoRead:       {"Fetched and compared: “%s” from %s is exactly as it was sent.", "Abgeholt und verglichen: „%s“ von %s ist genau so, wie es abgeschickt wurde."},
	DemoAttachment: {"The attachment %s (%s) is the same to the last byte.", "Der Anhang %s (%s) stimmt bis aufs letzte Byte."},
	DemoNotice:     {"It is called “%s” and begins:", "Sie heißt „%s“ und beginnt so:"},
	DemoSubject:    {"Greetings from the north: Füße im Meer, Möwen überall", "Grüße aus dem Norden: Füße im Meer, Möwen überall"},
	DemoLetter: {
		"Dear Bärbel, dear Jörn,\n\nthe sea is rough, the tea is hot, and the Süßgebäck is nearly gone.\nThe picture shows the rest of it.\n\nYours, Anna\n",
		"Liebe Bärbel, lieber Jörn,\n\ndie See ist rau, der Tee ist heiß, und das Süßgebäck ist fast aufgegessen.\nDas Bild zeigt, was übrig ist.\n\nEure Anna\n",
	},
	DemoFilename: {"Süßgebäck.png", "Süßgebäck.png"},
	DemoReply: {
		"Dear Anna,\n\nit came at once, picture and all. Here in the south it is föhnig and we are öfter in the beer garden.\n\nBärbel\n",
		"Liebe Anna,\n\nalles ist sofort angekommen, samt Bild. Hier im Süden ist es föhnig, und wir sitzen öfter im Biergarten.\n\nBärbel\n",
	},
	DemoLostSubject: {"To nobody", "An niemanden"},
	DemoLostLetter:  {"Is anybody there?\n", "Ist da jemand?\n"},
	DemoNotRelayed:  {"%s did not hand the message on", "%s hat die Nachricht nicht weitergegeben"},
	DemoNotStored:   {"%s did not store the message", "%s hat die Nachricht nicht abgelegt"},
	DemoNotFetched:  {"%s did not record that the message was fetched", "%s hat nicht festgehalten, dass die Nachricht abgeholt wurde"},
	DemoNotReturned: {"%s did not return the message", "%s hat die Nachricht nicht zurückgegeben"},
	DemoFailed:      {"Something did not arrive:", "Etwas ist nicht angekommen:"},
	DemoDone:        {"Everything arrived, unchanged.", "Alles ist angekommen, unverändert."},
	DemoSettings: {
		"To try it with a mail program, enter one of these accounts. Its server is 127.0.0.1; the authority that made the\ncertificates is in %s.",
		"Zum Ausprobieren mit einem Mailprogramm eines dieser Konten eintragen. Der Server ist 127.0.0.1; die Stelle, die die\nZertifikate ausgestellt hat, liegt in %s.",
	},
	DemoServer: {"server", "Server"},
	DemoPort:   {"port", "Port"},
	DemoLogin:  {"login %s, password %s", "Anmeldung %s, Passwort %s"},
	DemoStays:  {"Both servers stay up until Ctrl-C.", "Beide Server laufen weiter bis Strg-C."},
}
