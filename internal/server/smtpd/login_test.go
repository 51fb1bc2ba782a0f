package smtpd

import "strings"

// loginSessions are about TLS and logins.
var loginSessions = []conversation{
	{"submission needs TLS and login", Submission, false, `
		< 220
		> EHLO client.example
		< 250-
		> MAIL FROM:<anna@posthorn.test>
		< 530 5.7.0 Say STARTTLS
		> AUTH PLAIN ` + plain("anna@posthorn.test", "secret") + `
		< 538 5.7.11
		> STARTTLS
		< 220
		tls
		> EHLO client.example
		< 250-
		> MAIL FROM:<anna@posthorn.test>
		< 530 5.7.0 Log in
		> AUTH PLAIN ` + plain("anna@posthorn.test", "secret") + `
		< 235 2.7.0
		> AUTH PLAIN ` + plain("anna@posthorn.test", "secret") + `
		< 503 5.5.1
		> MAIL FROM:<anna@posthorn.test> AUTH=<> HOLDFOR=3600 REQUIRETLS
		< 250
		> AUTH PLAIN
		< 503
		> RCPT TO:<b@c.example>
		< 250
		> DATA
		< 354
		> .
		< 250`, 1},
	{"logins that fail", Submission, true, `
		< 220
		> EHLO client.example
		< 250-
		> AUTH
		< 501
		> AUTH CRAM-MD5
		< 504 5.5.4
		> AUTH PLAIN not base64!
		< 501
		> AUTH PLAIN !!!!
		< 501 5.5.2
		> AUTH PLAIN
		< 334 
		> *
		< 501 5.7.0
		> AUTH PLAIN ` + plain("later", "x") + `
		< 454 4.7.0
		> AUTH LOGIN
		< 334 VXNlcm5hbWU6
		> YW5uYUBwb3N0aG9ybi50ZXN0
		< 334 UGFzc3dvcmQ6
		> d3Jvbmc=
		< 535 5.7.8
		> AUTH LOGIN YW5uYUBwb3N0aG9ybi50ZXN0
		< 334 UGFzc3dvcmQ6
		> c2VjcmV0
		< 235 2.7.0`, 0},
	{"too many failed logins", Submission, true, `
		< 220
		> EHLO client.example
		< 250-
		> AUTH PLAIN ` + plain("a", "b") + `
		< 535
		> AUTH PLAIN ` + plain("a", "b") + `
		< 535
		> AUTH PLAIN ` + plain("a", "b") + `
		< 535
		> AUTH PLAIN ` + plain("a", "b") + `
		< 535
		> AUTH PLAIN ` + plain("a", "b") + `
		< 535
		< 421 4.7.0
		eof`, 0},
	{"a response too long", Submission, true, `
		< 220
		> EHLO client.example
		< 250-
		> AUTH PLAIN
		< 334
		> ` + strings.Repeat("A", 13000) + `
		< 500 5.5.6
		> NOOP
		< 250`, 0},
	{"a hold too long", Submission, true, `
		< 220
		> EHLO client.example
		< 250-
		> AUTH PLAIN ` + plain("anna@posthorn.test", "secret") + `
		< 235
		> MAIL FROM:<anna@posthorn.test> HOLDFOR=2592001
		< 501 5.5.4
		> MAIL FROM:<anna@posthorn.test> HOLDUNTIL=2027-11-21T12:00:00Z
		< 501 5.5.4
		> MAIL FROM:<anna@posthorn.test> HOLDFOR=2592000
		< 250`, 0},
}
