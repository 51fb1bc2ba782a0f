package text

// What the commands say.
const (
	CLIError           Key = "cli.error"
	CLINoConfig        Key = "cli.no-config"
	CLINoSuchLang      Key = "cli.no-such-lang"
	CLISocketDenied    Key = "cli.socket-denied"
	CLIConfigExists    Key = "cli.config-exists"
	CLIInitDone        Key = "cli.init-done"
	CLIPassword        Key = "cli.password"
	CLIPasswordAgain   Key = "cli.password-again"
	CLIPasswordDiffers Key = "cli.password-differs"
	CLIPasswordEmpty   Key = "cli.password-empty"
	CLIDomainAdded     Key = "cli.domain-added"
	CLIAccountAdded    Key = "cli.account-added"
	CLIAliasSet        Key = "cli.alias-set"
	CLIGroupAdded      Key = "cli.group-added"
	CLIChanged         Key = "cli.changed"
	CLIRemoved         Key = "cli.removed"
	CLIHeld            Key = "cli.held"
	CLIReleased        Key = "cli.released"
	CLIRetried         Key = "cli.retried"
	CLICancelled       Key = "cli.cancelled"
	CLISent            Key = "cli.sent"
	CLIMessage         Key = "cli.message"
	CLIProgress        Key = "cli.progress"
	CLIBackupDone      Key = "cli.backup-done"
	CLIMarkGood        Key = "cli.mark-good"
	CLIMarkWarn        Key = "cli.mark-warn"
	CLIMarkBad         Key = "cli.mark-bad"
	CLICheckDone       Key = "cli.check-done"
	CLIRunning         Key = "cli.running"
	CLINotRunning      Key = "cli.not-running"
	CLIQueued          Key = "cli.queued"
)

var cliTexts = table{
	CLIError: {"posthorn: %s", "posthorn: %s"},
	CLINoConfig: {"posthorn: %s\nThere is no configuration yet; \"posthorn init NAME\" writes one, --config names another.",
		"posthorn: %s\nEs gibt noch keine Konfiguration; „posthorn init NAME“ legt eine an, --config nennt eine andere."}, //nolint:misspell // German
	CLINoSuchLang: {"there is no language %q here, only en and de", "die Sprache %q gibt es hier nicht, nur en und de"},
	CLISocketDenied: {"the server runs as another user: %s may be opened by its owner and by root only",
		"der Server läuft unter einem anderen Benutzer: %s dürfen nur dessen Besitzer und root öffnen"},
	CLIConfigExists: {"%s is there already and stays as it is", "%s gibt es schon und bleibt, wie es ist"},
	CLIInitDone: {`Written: %s
The store goes to %s, a self-signed certificate is in %s.

Next:
  posthorn serve                          run the server
  posthorn domain add example.org         take mail for a domain
  posthorn account add anna@example.org   add a person
  posthorn check                          see what is still missing`,
		`Angelegt: %s
Gespeichert wird in %s, ein selbst ausgestelltes Zertifikat liegt in %s.

Weiter geht es mit:
  posthorn serve                          den Server starten
  posthorn domain add example.org         Post für eine Domain annehmen
  posthorn account add anna@example.org   ein Konto anlegen
  posthorn check                          sehen, was noch fehlt`},
	CLIPassword:        {"Password:", "Passwort:"},
	CLIPasswordAgain:   {"Once more:", "Noch einmal:"},
	CLIPasswordDiffers: {"the two passwords differ", "die beiden Passwörter sind verschieden"},
	CLIPasswordEmpty:   {"the password is empty", "das Passwort ist leer"},
	CLIDomainAdded:     {"Mail for %s is taken from now on.", "Post für %s wird ab jetzt angenommen."},
	CLIAccountAdded:    {"%s can send and get mail from now on.", "%s kann ab jetzt Post senden und empfangen."},
	CLIAliasSet:        {"Mail for %s goes to %s from now on.", "Post für %s geht ab jetzt an %s."},
	CLIGroupAdded:      {"The group %s is there. Members: %d.", "Die Gruppe %s ist angelegt. Mitglieder: %d."},
	CLIChanged:         {"%s is changed.", "%s ist geändert."},
	CLIRemoved:         {"%s is removed.", "%s ist entfernt."},
	CLIHeld:            {"%s is held until it is released.", "%s wird festgehalten, bis es freigegeben wird."},
	CLIReleased:        {"%s goes on.", "%s geht weiter."},
	CLIRetried:         {"%s is tried again now.", "%s wird jetzt noch einmal versucht."},
	CLICancelled:       {"%s is taken out of the queue.", "%s ist aus der Warteschlange genommen."},
	CLISent:            {"Accepted. posthorn journey %s tells what becomes of it.", "Angenommen. posthorn journey %s erzählt, was daraus wird."},
	CLIMessage:         {"Message %s", "Nachricht %s"},
	CLIProgress:        {"%3d %%  %s of %s", "%3d %%  %s von %s"},
	CLIBackupDone:      {"%s are saved in %s.", "%s sind in %s gesichert."},
	CLIMarkGood:        {"good", "gut"},
	CLIMarkWarn:        {"look", "beachten"},
	CLIMarkBad:         {"bad", "schlecht"},
	CLICheckDone:       {"Problems: %d. To look at: %d.", "Probleme: %d. Zu beachten: %d."},
	CLIRunning:         {"%s runs Posthorn %s since %s.", "%s betreibt Posthorn %s seit %s."},
	CLINotRunning:      {"Posthorn does not run on %s.", "Auf %s läuft Posthorn nicht."},
	CLIQueued:          {"Messages waiting: %d", "Wartende Nachrichten: %d"},
}
