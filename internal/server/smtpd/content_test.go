package smtpd

// contentSessions are about LMTP and BDAT.
var contentSessions = []conversation{
	{"LMTP", LMTP, false, `
		< 220 mx.posthorn.test LMTP
		> EHLO client.example
		< 500 5.5.1
		> HELO client.example
		< 500 5.5.1
		> LHLO client.example
		< 250-
		> MAIL FROM:<a@b.example>
		< 250
		> RCPT TO:<anna@posthorn.test>
		< 250
		> RCPT TO:<nobody@posthorn.test>
		< 550
		> RCPT TO:<late@posthorn.test>
		< 250
		> RCPT TO:<bert@posthorn.test>
		< 250
		> DATA
		< 354
		> .
		< 250 2.0.0 Accepted
		< 452 4.2.2
		< 250 2.0.0 Accepted
		> MAIL FROM:<a@b.example>
		< 250
		> RCPT TO:<anna@posthorn.test>
		< 250
		> RCPT TO:<bert@posthorn.test>
		< 250
		> BDAT 6
		>> "Refuse"
		< 554
		> BDAT 1 LAST
		>> "x"
		< 503
		> RSET
		< 250
		> MAIL FROM:<a@b.example>
		< 250
		> RCPT TO:<anna@posthorn.test>
		< 250
		> RCPT TO:<bert@posthorn.test>
		< 250
		> BDAT 6 LAST
		>> "Refuse"
		< 554
		< 554`, 1},
	{"BDAT", MX, false, `
		< 220
		> EHLO client.example
		< 250-
		> BDAT 4 LAST
		>> "QUIT"
		< 503
		> MAIL FROM:<a@b.example>
		< 250
		> BDAT 6
		>> "QUIT\r\n"
		< 554 5.5.1
		> RCPT TO:<anna@posthorn.test>
		< 250
		> BDAT 8
		>> "\r\n.\r\nA\r\n"
		< 250 2.0.0 8 octets
		> DATA
		< 503
		> MAIL FROM:<a@b.example>
		< 503
		> RCPT TO:<anna@posthorn.test>
		< 503
		> STARTTLS
		< 503
		> NOOP
		< 250
		> BDAT 0
		< 250 2.0.0 8 octets
		> BDAT 2
		>> ".\r"
		< 250 2.0.0 10 octets
		> BDAT 1 LAST
		>> "\n"
		< 250 2.0.0 Accepted
		> BDAT 1 LAST
		>> "x"
		< 503
		> MAIL FROM:<a@b.example>
		< 250
		> RCPT TO:<anna@posthorn.test>
		< 250
		> BDAT 0 LAST
		< 250 2.0.0 Accepted`, 2},
	{"BDAT pipelined", MX, false, `
		< 220
		>> "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nBDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nQUIT\r\n"
		< 250-
		< 250
		< 250
		< 250 2.0.0 3 octets
		< 250 2.0.0 Accepted
		< 250
		< 250
		< 221
		eof`, 1},
	{"BDAT refused while more is on its way", MX, false, `
		< 220
		>> "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nBDAT 8\r\nRefuse\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"
		< 250-
		< 250
		< 250
		< 554 5.7.1
		< 503
		< 250`, 0},
	{"BDAT broken off", MX, false, `
		< 220
		>> "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nBDAT 3\r\na\r\nRSET\r\nRCPT TO:<anna@x.test>\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nBDAT 3\r\nb\r\nQUIT\r\n"
		< 250-
		< 250
		< 250
		< 250
		< 250 2.0.0 Forgotten
		< 503
		< 250
		< 250
		< 250
		< 221
		eof`, 0},
	{"BDAT without a size", MX, false, `
		< 220
		> BDAT many LAST
		< 501 5.5.4
		eof`, 0},
	{"BDAT of everything", MX, false, `
		< 220
		> BDAT 999999999999999999 LAST
		< 552 5.3.4
		eof`, 0},
	{"BDAT with bare LF", MX, false, `
		< 220
		>> "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nBDAT 10 LAST\r\na\n.\nQUIT\r\n"
		< 250-
		< 250
		< 250
		< 554 5.6.0 bare LF
		eof`, 0},
	{"BINARYMIME", MX, false, `
		< 220
		>> "EHLO c.example\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<anna@x.test>\r\nDATA\r\nBDAT 6 LAST\r\n\na\r\x00\r\n"
		< 250-
		< 250
		< 250
		< 503 5.5.1 BODY=BINARYMIME needs BDAT
		< 250 2.0.0 Accepted`, 1},
}
