package text

// How a message's journey is told. The clauses follow a sentence after a comma.
const (
	JourneyAccepted     Key = "journey.accepted"
	JourneyWritten      Key = "journey.written"
	JourneyMade         Key = "journey.made"
	JourneyChecked      Key = "journey.checked"
	JourneyNoticeFor    Key = "journey.notice-for"
	JourneyExpanded     Key = "journey.expanded"
	JourneyStored       Key = "journey.stored"
	JourneyQueued       Key = "journey.queued"
	JourneyHeld         Key = "journey.held"
	JourneyReleased     Key = "journey.released"
	JourneyRetried      Key = "journey.retried"
	JourneyLookedUp     Key = "journey.looked-up"
	JourneyRouted       Key = "journey.routed"
	JourneyNotFound     Key = "journey.not-found"
	JourneyConnected    Key = "journey.connected"
	JourneyUsedAgain    Key = "journey.used-again"
	JourneyNotConnected Key = "journey.not-connected"
	JourneyDeferred     Key = "journey.deferred"
	JourneyRelayed      Key = "journey.relayed"
	JourneyDelivered    Key = "journey.delivered"
	JourneyFailed       Key = "journey.failed"
	JourneyExpired      Key = "journey.expired"
	JourneyDelayed      Key = "journey.delayed"
	JourneyReturned     Key = "journey.returned"
	JourneyNotReturned  Key = "journey.not-returned"
	JourneyConfirmed    Key = "journey.confirmed"
	JourneyCancelled    Key = "journey.cancelled"
	JourneyFetched      Key = "journey.fetched"

	JourneyTLS        Key = "journey.tls"
	JourneyClear      Key = "journey.clear"
	JourneyVerified   Key = "journey.verified"
	JourneyUnverified Key = "journey.unverified"
	JourneyLogin      Key = "journey.login"
	JourneyNotBefore  Key = "journey.not-before"
	JourneyNextTry    Key = "journey.next-try"
	JourneyAnswer     Key = "journey.answer"
	JourneyAnswerOf   Key = "journey.answer-of"
	JourneyReason     Key = "journey.reason"

	JourneyNullPath  Key = "journey.null-path"
	JourneyNotWanted Key = "journey.not-wanted"
	JourneyNoNotice  Key = "journey.no-notice"
	JourneySomebody  Key = "journey.somebody"
)

var journeyTexts = table{
	JourneyAccepted:     {"Accepted from %[1]s over %[2]s", "Angenommen von %[1]s über %[2]s"},
	JourneyWritten:      {"Accepted on the server itself", "Auf dem Server selbst aufgegeben"},
	JourneyMade:         {"Written by the server", "Vom Server verfasst"},
	JourneyChecked:      {"Checked %[1]s: %[2]s", "%[1]s geprüft: %[2]s"},
	JourneyNoticeFor:    {"This is a notice about message %s", "Dies ist eine Benachrichtigung zur Nachricht %s"},
	JourneyExpanded:     {"%[1]s leads to %[2]s (through %[3]s)", "%[1]s führt zu %[2]s (über %[3]s)"},
	JourneyStored:       {"Stored for %[1]s in %[2]s", "Für %[1]s abgelegt in %[2]s"},
	JourneyQueued:       {"Waits to be sent to %s", "Wartet auf den Versand an %s"},
	JourneyHeld:         {"Held back by %s", "Angehalten durch %s"},
	JourneyReleased:     {"Released by %s", "Freigegeben durch %s"},
	JourneyRetried:      {"A new try at once was asked for by %s", "Neuer Versuch sofort, verlangt durch %s"},
	JourneyLookedUp:     {"The mail servers of %[1]s are: %[2]s", "Die Mailserver von %[1]s sind: %[2]s"},
	JourneyRouted:       {"Mail for %[1]s goes through %[2]s", "Post für %[1]s geht über %[2]s"},
	JourneyNotFound:     {"The mail servers of %[1]s were not found: %[2]s", "Die Mailserver von %[1]s wurden nicht gefunden: %[2]s"},
	JourneyConnected:    {"Connected to %s", "Verbunden mit %s"},
	JourneyUsedAgain:    {"Used the open connection to %s again", "Die offene Verbindung zu %s weiter benutzt"},
	JourneyNotConnected: {"No connection to %[1]s: %[2]s", "Keine Verbindung zu %[1]s: %[2]s"},
	JourneyDeferred:     {"Could not be delivered to %s yet", "Konnte noch nicht an %s zugestellt werden"},
	JourneyRelayed:      {"Handed over to %[2]s for %[1]s", "Für %[1]s an %[2]s übergeben"},
	JourneyDelivered:    {"Delivered to %[1]s by %[2]s", "An %[1]s zugestellt durch %[2]s"},
	JourneyFailed:       {"Cannot be delivered to %s", "Kann nicht an %s zugestellt werden"},
	JourneyExpired:      {"Given up for %s, because the time has run out", "Für %s aufgegeben, weil die Frist abgelaufen ist"},
	JourneyDelayed:      {"The sender was told that it takes longer (notice %s)", "Dem Absender wurde mitgeteilt, dass es länger dauert (Benachrichtigung %s)"},
	JourneyReturned: {"The sender was told that %[1]s was not reached (notice %[2]s)",
		"Dem Absender wurde mitgeteilt, dass %[1]s nicht erreicht wurde (Benachrichtigung %[2]s)"},
	JourneyNotReturned: {"Nobody is told about %[1]s: %[2]s", "Niemand wird wegen %[1]s benachrichtigt: %[2]s"},
	JourneyConfirmed: {"The sender was told that %[1]s was reached, as wished (notice %[2]s)",
		"Dem Absender wurde wie gewünscht mitgeteilt, dass %[1]s erreicht wurde (Benachrichtigung %[2]s)"},
	JourneyCancelled: {"Taken out of the queue by %s", "Aus der Warteschlange genommen durch %s"},
	JourneyFetched:   {"Fetched by %[1]s over %[2]s", "Abgeholt von %[1]s über %[2]s"},

	JourneyTLS:        {"encrypted with %s", "verschlüsselt mit %s"},
	JourneyClear:      {"not encrypted", "unverschlüsselt"},
	JourneyVerified:   {"certificate verified", "Zertifikat bestätigt"},
	JourneyUnverified: {"certificate not verified", "Zertifikat nicht bestätigt"},
	JourneyLogin:      {"logged in as %s", "angemeldet als %s"},
	JourneyNotBefore:  {"not before %s", "nicht vor %s"},
	JourneyNextTry:    {"next try at %s", "nächster Versuch um %s"},
	JourneyAnswer:     {"answer: %s", "Antwort: %s"},
	JourneyAnswerOf:   {"answer of %[1]s: %[2]s", "Antwort von %[1]s: %[2]s"},
	JourneyReason:     {"because: %s", "Grund: %s"},

	JourneyNullPath:  {"it is itself a notice or has no sender", "sie ist selbst eine Benachrichtigung oder hat keinen Absender"},
	JourneyNotWanted: {"the sender wished no notice", "der Absender wünschte keine Benachrichtigung"},
	JourneyNoNotice:  {"no notice can be sent to the sender", "an den Absender kann keine Benachrichtigung gehen"},
	JourneySomebody:  {"the administrator", "die Verwaltung"},
}
