package text

// What a notice says to the author of a message (transport/bounce).
const (
	BounceSender           Key = "bounce.sender"
	BounceFailedSubject    Key = "bounce.failed-subject"
	BounceDelayedSubject   Key = "bounce.delayed-subject"
	BounceDeliveredSubject Key = "bounce.delivered-subject"
	BounceFailedIntro      Key = "bounce.failed-intro"
	BounceDelayedIntro     Key = "bounce.delayed-intro"
	BounceDeliveredIntro   Key = "bounce.delivered-intro"
	BounceNoSubject        Key = "bounce.no-subject"
	BounceSubject          Key = "bounce.subject"
	BounceSent             Key = "bounce.sent"
	BounceTo               Key = "bounce.to"
	BounceMore             Key = "bounce.more"
	BounceWhy              Key = "bounce.why"
	BounceHelp             Key = "bounce.help"
	BounceAnswer           Key = "bounce.answer"
	BounceOwnWords         Key = "bounce.own-words"
	BounceRetry            Key = "bounce.retry"
	BounceStored           Key = "bounce.stored"
	BounceTaken            Key = "bounce.taken"
	BounceRelayed          Key = "bounce.relayed"
	BounceFooter           Key = "bounce.footer"
	BounceOtherLanguage    Key = "bounce.other-language"
)

// Why a message was not delivered, and what helps. Each reason has two sentences.
const (
	BounceNoAddressWhy    Key = "bounce.no-address-why"
	BounceNoAddressHelp   Key = "bounce.no-address-help"
	BounceNoDomainWhy     Key = "bounce.no-domain-why"
	BounceNoDomainHelp    Key = "bounce.no-domain-help"
	BounceNoMailWhy       Key = "bounce.no-mail-why"
	BounceNoMailHelp      Key = "bounce.no-mail-help"
	BounceFullWhy         Key = "bounce.full-why"
	BounceFullHelp        Key = "bounce.full-help"
	BounceDisabledWhy     Key = "bounce.disabled-why"
	BounceDisabledHelp    Key = "bounce.disabled-help"
	BounceTooLargeWhy     Key = "bounce.too-large-why"
	BounceTooLargeHelp    Key = "bounce.too-large-help"
	BounceSpamWhy         Key = "bounce.spam-why"
	BounceSpamHelp        Key = "bounce.spam-help"
	BounceBlockedWhy      Key = "bounce.blocked-why"
	BounceBlockedHelp     Key = "bounce.blocked-help"
	BounceUnprovenWhy     Key = "bounce.unproven-why"
	BounceUnprovenHelp    Key = "bounce.unproven-help"
	BounceBadSenderWhy    Key = "bounce.bad-sender-why"
	BounceBadSenderHelp   Key = "bounce.bad-sender-help"
	BounceNotInChargeWhy  Key = "bounce.not-in-charge-why"
	BounceNotInChargeHelp Key = "bounce.not-in-charge-help"
	BounceNeedsTLSWhy     Key = "bounce.needs-tls-why"
	BounceNeedsTLSHelp    Key = "bounce.needs-tls-help"
	BounceNeedsUTF8Why    Key = "bounce.needs-utf8-why"
	BounceNeedsUTF8Help   Key = "bounce.needs-utf8-help"
	BounceNeeds8BitWhy    Key = "bounce.needs-8bit-why"
	BounceNeeds8BitHelp   Key = "bounce.needs-8bit-help"
	BounceBadContentWhy   Key = "bounce.bad-content-why"
	BounceBadContentHelp  Key = "bounce.bad-content-help"
	BounceLoopWhy         Key = "bounce.loop-why"
	BounceLoopHelp        Key = "bounce.loop-help"
	BounceUnreachableWhy  Key = "bounce.unreachable-why"
	BounceUnreachableHelp Key = "bounce.unreachable-help"
	BounceNotNowWhy       Key = "bounce.not-now-why"
	BounceNotNowHelp      Key = "bounce.not-now-help"
	BounceProviderWhy     Key = "bounce.provider-why"
	BounceProviderHelp    Key = "bounce.provider-help"
	BounceTooManyWhy      Key = "bounce.too-many-why"
	BounceTooManyHelp     Key = "bounce.too-many-help"
	BounceRefusedWhy      Key = "bounce.refused-why"
	BounceRefusedHelp     Key = "bounce.refused-help"
	BounceRefusedMuteHelp Key = "bounce.refused-mute-help"
	BounceUnreachableNow  Key = "bounce.unreachable-now-why"
)

var bounceTexts = table{
	BounceSender:           {"Mail delivery", "Mail-Zustellung"},
	BounceFailedSubject:    {"Not delivered: %s", "Nicht zugestellt: %s"},
	BounceDelayedSubject:   {"Not delivered yet: %s", "Noch nicht zugestellt: %s"},
	BounceDeliveredSubject: {"Delivered: %s", "Zugestellt: %s"},
	BounceFailedIntro:      {"This message could not be delivered:", "Diese Nachricht konnte nicht zugestellt werden:"},
	BounceDelayedIntro:     {"This message has not been delivered yet:", "Diese Nachricht ist noch nicht zugestellt:"},
	BounceDeliveredIntro:   {"This message has arrived:", "Diese Nachricht ist angekommen:"},
	BounceNoSubject:        {"(no subject)", "(ohne Betreff)"},
	BounceSubject:          {"Subject: %s", "Betreff: %s"},
	BounceSent:             {"Sent: %s", "Gesendet: %s"},
	BounceTo:               {"To: %s", "An: %s"},
	BounceMore:             {"and %d more", "und %d weitere"},
	BounceWhy:              {"Why: %s", "Grund: %s"},
	BounceHelp:             {"What helps: %s", "Was hilft: %s"},
	BounceAnswer:           {"The server %[1]s answered: %[2]s", "Der Server %[1]s hat geantwortet: %[2]s"},
	BounceOwnWords:         {"Details: %s", "Einzelheiten: %s"},
	BounceRetry: {
		"We keep trying until %s. There is nothing to do; if it fails for good, another notice follows.",
		"Die Zustellung wird bis %s weiter versucht. Es ist nichts zu tun; scheitert sie endgültig, folgt noch eine Nachricht.",
	},
	BounceStored: {"The message lies in the recipient's mailbox.", "Die Nachricht liegt im Postfach des Empfängers."},
	BounceTaken: {
		"The recipient's server %s has put the message into the mailbox.", "Der Server des Empfängers, %s, hat die Nachricht ins Postfach gelegt.",
	},
	BounceRelayed: {
		"The message was handed over to the server %s. That server does not tell what becomes of it.",
		"Die Nachricht wurde dem Server %s übergeben. Dieser Server meldet nicht, was weiter aus ihr wird.",
	},
	BounceFooter: {
		"This notice was written by the mail server %[1]s. The message's number there is %[2]s.",
		"Diese Mitteilung hat der Mailserver %[1]s geschrieben. Die Nachricht hat dort die Nummer %[2]s.",
	},
	BounceOtherLanguage: {"In English:", "Auf Deutsch:"},

	BounceNoAddressWhy: {"There is no such address at %s.", "Diese Adresse gibt es bei %s nicht."},
	BounceNoAddressHelp: {
		"Check the spelling, or ask the person for the right address in another way, for example by telephone.",
		"Die Schreibweise prüfen oder auf anderem Weg, etwa am Telefon, nach der richtigen Adresse fragen.",
	},
	BounceNoDomainWhy: {
		"The part of the address after the @, %s, does not exist on the internet, or has no mail server.",
		"Den Teil der Adresse hinter dem @, also %s, gibt es im Internet nicht, oder er hat keinen Mailserver.",
	},
	BounceNoDomainHelp: {
		"This is often a slip of the keyboard, such as “gmial.com”. Correct the address and send the message again.",
		"Oft ist das ein Tippfehler wie „gmial.com“. Die Adresse berichtigen und die Nachricht noch einmal senden.",
	},
	BounceNoMailWhy: {"%s takes no e-mail at all; its owner has said so.", "%s nimmt gar keine E-Mails an; so hat es der Inhaber festgelegt."},
	BounceNoMailHelp: {
		"Look for another address, for example on the recipient's web site.",
		"Nach einer anderen Adresse suchen, zum Beispiel auf der Website des Empfängers.",
	},
	BounceFullWhy: {"The recipient's mailbox is full.", "Das Postfach des Empfängers ist voll."},
	BounceFullHelp: {
		"Send the message again in a few days, or tell the person in another way, so that room can be made.",
		"Die Nachricht in einigen Tagen noch einmal senden oder auf anderem Weg Bescheid geben, damit Platz geschaffen wird.",
	},
	BounceDisabledWhy: {"The recipient's mailbox is switched off.", "Das Postfach des Empfängers ist abgeschaltet."},
	BounceDisabledHelp: {
		"Ask the person in another way for an address that is in use.", "Auf anderem Weg nach einer Adresse fragen, die noch benutzt wird.",
	},
	BounceTooLargeWhy: {
		"The message is too large for the recipient's server. It has %s.", "Die Nachricht ist zu groß für den Server des Empfängers. Sie hat %s.",
	},
	BounceTooLargeHelp: {
		"Send it without attachments or in several smaller messages, or share large files by a link.",
		"Sie ohne Anhänge oder in mehreren kleineren Nachrichten senden oder große Dateien über einen Link teilen.",
	},
	BounceSpamWhy: {
		"The other server took the message for unwanted advertising (spam) and refused it.",
		"Der andere Server hat die Nachricht für unerwünschte Werbung (Spam) gehalten und abgelehnt.",
	},
	BounceSpamHelp: {
		"Write it in other words, if possible without links and attachments, and send it again; or ask the person to allow mail from you.",
		"Sie anders formulieren, möglichst ohne Links und Anhänge, und noch einmal senden; oder darum bitten, diese Absenderadresse zuzulassen.",
	},
	BounceBlockedWhy: {
		"The other server takes no mail from our mail server at present, because our server's address is on a block list or has a bad name there.",
		"Der andere Server nimmt zurzeit keine E-Mails von unserem Mailserver an, weil dessen Adresse auf einer Sperrliste steht " +
			"oder dort einen schlechten Ruf hat.",
	},
	BounceBlockedHelp: {
		"The author can do nothing about this. Please pass this notice on to those who run the mail server: %s.",
		"Daran lässt sich als Absender nichts ändern. Diese Mitteilung bitte an die Betreuer des Mailservers weitergeben: %s.",
	},
	BounceUnprovenWhy: {
		"The other server could not make sure that the message really comes from %s (SPF, DKIM, DMARC).",
		"Der andere Server konnte nicht feststellen, dass die Nachricht wirklich von %s kommt (SPF, DKIM, DMARC).",
	},
	BounceUnprovenHelp: {
		"Something is missing in the domain's settings. Please pass this notice on to those who run the mail server: %s.",
		"In den Einstellungen der Domain fehlt etwas. Diese Mitteilung bitte an die Betreuer des Mailservers weitergeben: %s.",
	},
	BounceBadSenderWhy: {
		"The other server does not accept the sender's address, %s.", "Der andere Server erkennt die Absenderadresse %s nicht an.",
	},
	BounceBadSenderHelp: {
		"Check the sender's address in the mail program's settings. If it is right, ask the recipient in another way.",
		"Die Absenderadresse in den Einstellungen des Mailprogramms prüfen. Stimmt sie, auf anderem Weg beim Empfänger nachfragen.",
	},
	BounceNotInChargeWhy: {
		"The server in charge of %s according to the internet says that it is not.",
		"Der Server, der laut Internet für %s zuständig ist, hält sich nicht für zuständig.",
	},
	BounceNotInChargeHelp: {
		"Mail is probably set up wrongly there. Tell the recipient in another way.",
		"Vermutlich ist die E-Mail dort falsch eingerichtet. Dem Empfänger auf anderem Weg Bescheid geben.",
	},
	BounceNeedsTLSWhy: {
		"The message may only travel with safe encryption, and the other server offers none.",
		"Die Nachricht darf nur sicher verschlüsselt übertragen werden, und das bietet der andere Server nicht an.",
	},
	BounceNeedsTLSHelp: {
		"If the content allows it, send it again without demanding encryption. Otherwise choose another way.",
		"Wenn der Inhalt es erlaubt, sie noch einmal senden, ohne Verschlüsselung zu verlangen. Sonst einen anderen Weg wählen.",
	},
	BounceNeedsUTF8Why: {
		"The address, or another one in the message, has letters outside of the English alphabet, and the other server cannot handle these.",
		"Diese oder eine andere Adresse in der Nachricht enthält Umlaute oder andere besondere Schriftzeichen, mit denen der andere Server " +
			"nicht umgehen kann.",
	},
	BounceNeedsUTF8Help: {
		"Use an address with plain letters from a to z, for the sender too, if there is one.",
		"Eine Adresse ohne besondere Schriftzeichen verwenden, auch als Absender, wenn es eine gibt.",
	},
	BounceNeeds8BitWhy: {
		"The other server cannot take the message in the form in which it was sent (8-bit or binary data).",
		"Der andere Server kann die Nachricht in der Form, in der sie gesendet wurde, nicht annehmen (8-Bit- oder Binärdaten).",
	},
	BounceNeeds8BitHelp: {
		"Send it again with another mail program, or put the content into an attachment.",
		"Sie mit einem anderen Mailprogramm noch einmal senden oder den Inhalt als Anhang schicken.",
	},
	BounceBadContentWhy: {
		"The other server says that something is wrong with the form of the message.",
		"Der andere Server bemängelt, dass die Nachricht nicht richtig aufgebaut ist.",
	},
	BounceBadContentHelp: {
		"Write it anew and send it again, if possible with another mail program.",
		"Sie neu schreiben und noch einmal senden, möglichst mit einem anderen Mailprogramm.",
	},
	BounceLoopWhy: {
		"The message went round in circles between servers and was stopped.", "Die Nachricht ist zwischen Servern im Kreis gelaufen und wurde angehalten.",
	},
	BounceLoopHelp: {
		"The recipient's mail is probably forwarded wrongly. Tell the person in another way.",
		"Vermutlich ist beim Empfänger eine Weiterleitung falsch eingerichtet. Ihm auf anderem Weg Bescheid geben.",
	},
	BounceUnreachableWhy: {
		"The mail server of %[1]s could not be reached, even after %[2]s.", "Der Mailserver von %[1]s war auch nach %[2]s nicht zu erreichen.",
	},
	BounceUnreachableNow: {"The mail server of %s cannot be reached at present.", "Der Mailserver von %s ist zurzeit nicht zu erreichen."},
	BounceUnreachableHelp: {
		"Something is probably broken there. Send the message again later, or tell the person in another way.",
		"Vermutlich gibt es dort eine Störung. Die Nachricht später noch einmal senden oder auf anderem Weg Bescheid geben.",
	},
	BounceNotNowWhy: {
		"The other server puts the message off: it does not take it at present.", "Der andere Server vertröstet: Er nimmt die Nachricht zurzeit nicht an.",
	},
	BounceNotNowHelp: {
		"Send the message again later, or tell the person in another way.",
		"Die Nachricht später noch einmal senden oder auf anderem Weg Bescheid geben.",
	},
	BounceProviderWhy: {
		"The provider through whom we send did not let our server log in.",
		"Der Anbieter, über den unser Server sendet, hat dessen Anmeldung nicht angenommen.",
	},
	BounceProviderHelp: {
		"The author can do nothing about this. Please tell those who run the mail server: %s.",
		"Daran lässt sich als Absender nichts ändern. Bitte die Betreuer des Mailservers verständigen: %s.",
	},
	BounceTooManyWhy: {
		"The message has more recipients than the other server takes.", "Die Nachricht hat mehr Empfänger, als der andere Server annimmt.",
	},
	BounceTooManyHelp: {
		"Send it to fewer people at once.", "Sie an weniger Empfänger auf einmal senden.",
	},
	BounceRefusedWhy: {"The other server has refused the message.", "Der andere Server hat die Nachricht abgelehnt."},
	BounceRefusedHelp: {
		"Its own words, below, may tell why. If they do not, ask the recipient in another way.",
		"Seine Antwort, siehe unten, verrät vielleicht den Grund. Sonst auf anderem Weg beim Empfänger nachfragen.",
	},
	BounceRefusedMuteHelp: {
		"It gave no reason. Ask the recipient in another way.", "Einen Grund hat er nicht genannt. Auf anderem Weg beim Empfänger nachfragen.",
	},
}
