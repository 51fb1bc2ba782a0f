package text

// What `posthorn check` finds.
const (
	CheckNotRunning         Key = "check.not-running"
	CheckLoginsInClear      Key = "check.logins-in-clear"
	CheckPortOpen           Key = "check.port-open"
	CheckPortClosed         Key = "check.port-closed"
	CheckCertificateGood    Key = "check.certificate-good"
	CheckCertificateExpired Key = "check.certificate-expired"
	CheckCertificateSoon    Key = "check.certificate-soon"
	CheckCertificateOwn     Key = "check.certificate-own"
	CheckCertificateName    Key = "check.certificate-name"
	CheckDNSFails           Key = "check.dns-fails"
	CheckHostUnknown        Key = "check.host-unknown"
	CheckReverseGood        Key = "check.reverse-good"
	CheckReverseOther       Key = "check.reverse-other"
	CheckNoDomains          Key = "check.no-domains"
	CheckDomainGood         Key = "check.domain-good"
	CheckDomainUnknown      Key = "check.domain-unknown"
	CheckDomainNull         Key = "check.domain-null"
	CheckDomainElsewhere    Key = "check.domain-elsewhere"
	CheckStoreGood          Key = "check.store-good"
	CheckStoreDamaged       Key = "check.store-damaged"
	CheckStoreAffected      Key = "check.store-affected"
)

var checkTexts = table{
	CheckNotRunning: {"No server is running here, so ports were not tried.", "Hier läuft kein Server; die Ports wurden nicht geprüft."},
	CheckLoginsInClear: {"Logins without TLS are taken from %s, where others can listen in. Keep listen.login_without_tls_from to this machine or a network of your own.",
		"Von %s aus geht das Anmelden ohne TLS, und andere können dort mithören. In listen.login_without_tls_from gehören nur dieser Rechner und eigene Netze."},
	CheckPortOpen:        {"%s answers on %s.", "%s antwortet auf %s."},
	CheckPortClosed:      {"%s does not answer on %s: %s", "%s antwortet nicht auf %s: %s"},
	CheckCertificateGood: {"The certificate for %s is good until %s.", "Das Zertifikat für %s gilt bis %s."},
	CheckCertificateExpired: {"The certificate for %s ended on %s. People's programs refuse it; renew it now.",
		"Das Zertifikat für %s ist am %s abgelaufen. Mailprogramme lehnen es ab; es muss jetzt erneuert werden."},
	CheckCertificateSoon: {"The certificate for %s ends on %s. Renew it soon.", "Das Zertifikat für %s endet am %s. Es sollte bald erneuert werden."},
	CheckCertificateOwn: {"The certificate for %s is self-signed (good until %s). People's programs warn about it; name a real one under [tls].",
		"Das Zertifikat für %s ist selbst ausgestellt (gültig bis %s). Mailprogramme warnen davor; unter [tls] gehört ein echtes eingetragen."},
	CheckCertificateName: {"No certificate is for this server's own name, %s.", "Kein Zertifikat gilt für den Namen dieses Servers, %s."},
	CheckDNSFails:        {"The DNS does not answer about %s: %s", "Das DNS antwortet nicht zu %s: %s"},
	CheckHostUnknown: {"The name of this server, %s, has no address in the DNS. Others cannot find it.",
		"Der Name dieses Servers, %s, hat im DNS keine Adresse. Andere finden ihn nicht."},
	CheckReverseGood: {"%s leads to %s, and back.", "%s führt zu %s und wieder zurück."},
	CheckReverseOther: {"The reverse name of %s is not %s. Many servers distrust mail from here; whoever gave you the address can set it.",
		"Der Rückwärtsname von %s ist nicht %s. Viele Server misstrauen dann der Post von hier; ändern kann ihn, wer die Adresse vergeben hat."},
	CheckNoDomains:     {"There are no domains yet: posthorn domain add NAME", "Es gibt noch keine Domains: posthorn domain add NAME"},
	CheckDomainGood:    {"Mail for %s comes here (MX %s).", "Post für %s kommt hierher (MX %s)."},
	CheckDomainUnknown: {"%s does not exist in the DNS. Nobody can write to it.", "%s gibt es im DNS nicht. Niemand kann dorthin schreiben."},
	CheckDomainNull:    {"The DNS says that %s takes no mail (null MX).", "Laut DNS nimmt %s keine Post an (Null-MX)."},
	CheckDomainElsewhere: {"Mail for %s goes to %s and not to this server, %s. Set the domain's MX record.",
		"Post für %s geht an %s und nicht an diesen Server, %s. Der MX-Eintrag der Domain muss geändert werden."},
	CheckStoreGood:    {"The store is whole.", "Der Speicher ist unversehrt."},
	CheckStoreDamaged: {"The store is damaged: %s", "Der Speicher ist beschädigt: %s"},
	CheckStoreAffected: {"Damage in files of the store: %s. Damage in people's mail: %s, in %s of %s accounts. Everything else is whole; what is damaged can come back from a backup.",
		"Schäden an Dateien des Speichers: %s. Schäden an der Post: %s, bei %s von %s Konten. Alles andere ist unversehrt; was beschädigt ist, kann aus einer Sicherung zurückkommen."},
}
