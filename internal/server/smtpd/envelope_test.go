package smtpd

import "strings"

// envelopeSessions are about the commands before content, and about line ends.
var envelopeSessions = []conversation{
	{"a message", MX, false, `
		< 220 mx.posthorn.test ESMTP
		> EHLO client.example
		< 250-mx.posthorn.test
		> MAIL FROM:<a@b.example>
		< 250 2.1.0
		> RCPT TO:<anna@posthorn.test>
		< 250 2.1.5
		> DATA
		< 354
		> Subject: hello
		>
		> body
		> .
		< 250 2.0.0 Accepted, message id 
		> MAIL FROM:<>
		< 250 2.1.0
		> QUIT
		< 221 2.0.0
		eof`, 1},
	{"HELO", MX, false, `
		< 220
		> HELO client.example
		< 250 mx.posthorn.test
		> MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME
		< 250 2.1.0
		> RCPT TO:<postmaster>
		< 250 2.1.5
		> DATA
		< 354
		> .
		< 250 2.0.0`, 1},
	{"order of commands", MX, false, `
		< 220
		> MAIL FROM:<a@b.example>
		< 503 5.5.1
		> RCPT TO:<anna@posthorn.test>
		< 503 5.5.1
		> DATA
		< 503 5.5.1
		> AUTH PLAIN
		< 503 5.5.1
		> EHLO client.example
		< 250-
		> RCPT TO:<anna@posthorn.test>
		< 503 5.5.1
		> MAIL FROM:<a@b.example>
		< 250
		> MAIL FROM:<a@b.example>
		< 503 5.5.1
		> DATA
		< 554 5.5.1 No valid recipients
		> RCPT TO:<nobody@posthorn.test>
		< 550 5.1.1
		> DATA
		< 554 5.5.1
		> RSET
		< 250
		> RCPT TO:<anna@posthorn.test>
		< 503 5.5.1`, 0},
	{"EHLO again forgets", MX, false, `
		< 220
		> EHLO client.example
		< 250-
		> MAIL FROM:<a@b.example>
		< 250
		> EHLO client.example
		< 250-
		> MAIL FROM:<a@b.example>
		< 250`, 0},
	{"wrong commands", MX, false, `
		< 220
		> EHLO
		< 501 5.5.4
		> EHLO two words
		< 501 5.5.4
		> LHLO client.example
		< 500 5.5.1
		> FOO
		< 500 5.5.1
		>
		< 500 5.5.1
		> EXPN staff
		< 502 5.5.1
		> VRFY anna
		< 252 2.5.0
		> HELP
		< 214-2.0.0
		> NOOP whatever
		< 250 2.0.0
		> RSET now
		< 501 5.5.4
		> EHLO client.example
		< 250-
		> MAIL TO:<a@b.example>
		< 501 5.5.4
		> MAIL FROM:a@b.example
		< 501 5.5.4
		> MAIL FROM:<a@b.example> FOO=bar
		< 555 5.5.4
		> MAIL FROM:<a@b.example> HOLDFOR=5
		< 555 5.5.4
		> MAIL FROM:<a@b.example> REQUIRETLS
		< 555 5.5.4
		> MAIL FROM:<a@@b.example>
		< 553 5.1.7
		> MAIL FROM:<jörg@b.example>
		< 553 5.6.7
		> MAIL FROM:<a@b.example> SIZE=100001
		< 552 5.3.4
		> MAIL FROM:<evil@b.example>
		< 553 5.7.1
		> MAIL FROM:<a@b.example>
		< 250
		> RCPT TO:<b@c.example> SIZE=5
		< 555 5.5.4
		> RCPT TO:<b@@c.example>
		< 553 5.1.3
		> RCPT TO:<jörg@c.example>
		< 553 5.6.7`, 0},
	{"recipients refused", MX, false, `
		< 220
		> EHLO client.example
		< 250-
		> MAIL FROM:<a@b.example>
		< 250
		> RCPT TO:<nobody@posthorn.test>
		< 550 5.1.1 there is no such person
		> RCPT TO:<full@posthorn.test>
		< 452 4.2.2
		> RCPT TO:<elsewhere@other.example>
		< 550 5.7.1
		> RCPT TO:<broken@posthorn.test>
		< 451 4.3.0 internal error, please try again later
		> RCPT TO:<anna@posthorn.test>
		< 250
		> DATA
		< 354
		> .
		< 250 2.0.0`, 1},
	{"too many recipients", MX, false, `
		< 220
		> EHLO client.example
		< 250-
		>> "MAIL FROM:<a@b.example>\r\nRCPT TO:<1@x.test>\r\nRCPT TO:<2@x.test>\r\nRCPT TO:<3@x.test>\r\nRCPT TO:<4@x.test>\r\nRCPT TO:<5@x.test>\r\nRCPT TO:<6@x.test>\r\n"
		< 250
		< 250
		< 250
		< 250
		< 250
		< 250
		< 452 4.5.3`, 0},
	{"message refused, connection goes on", MX, false, `
		< 220
		> EHLO client.example
		< 250-
		> MAIL FROM:<a@b.example>
		< 250
		> RCPT TO:<anna@posthorn.test>
		< 250
		> DATA
		< 354
		> Refuse: me
		>
		> ..
		> MAIL FROM:<not@a.command>
		> .
		< 554 5.7.1 not this message
		> RCPT TO:<anna@posthorn.test>
		< 503
		> MAIL FROM:<a@b.example>
		< 250`, 0},
	{"pipelined", MX, false, `
		< 220
		>> "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@x.test>\r\nRCPT TO:<anna@x.test>\r\nDATA\r\n"
		< 250-
		< 250
		< 550
		< 250
		< 354
		>> "one\r\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nRSET\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nDATA\r\n"
		< 250 2.0.0 Accepted
		< 250
		< 250
		< 250 2.0.0 Forgotten
		< 250
		< 250
		< 354
		>> "two\r\n.\r\nQUIT\r\n"
		< 250 2.0.0 Accepted
		< 221
		eof`, 2},
	{"line too long", MX, false, `
		< 220
		>> "NOOP ` + strings.Repeat("x", 3000) + `\r\nNOOP\r\n"
		< 500 5.5.6
		< 250`, 0},
	{"line without end", MX, false, `
		< 220
		>> "NOOP ` + strings.Repeat("x", 300000) + `"
		< 500 5.5.6 Line too long, closing
		eof`, 0},
	{"bare LF in a command", MX, false, `
		< 220
		>> "EHLO client.example\nMAIL FROM:<a@b.example>\r\n"
		< 500 5.5.2 bare LF
		eof`, 0},
	{"bare CR in a command", MX, false, `
		< 220
		>> "EHLO client.example\rMAIL FROM:<a@b.example>\r\n"
		< 500 5.5.2 bare CR
		eof`, 0},
	{"smuggling", MX, false, `
		< 220
		>> "EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<anna@x.test>\r\nDATA\r\n"
		< 250-
		< 250
		< 250
		< 354
		>> "hello\r\n\n.\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<anna@x.test>\r\nDATA\r\nsmuggled\r\n.\r\n"
		< 554 5.6.0 bare LF
		eof`, 0},
	{"a browser", MX, false, `
		< 220
		> POST / HTTP/1.1
		< 554
		eof`, 0},
	{"too many errors", MX, false, `
		< 220
		>> "` + strings.Repeat(`X\r\n`, 25) + `"
		` + strings.Repeat("< 500\n", 20) + `
		< 421 4.7.0
		eof`, 0},
	{"STARTTLS", MX, false, `
		< 220
		> EHLO client.example
		< 250-
		> STARTTLS please
		< 501 5.5.4
		> STARTTLS
		< 220 2.0.0
		tls
		> MAIL FROM:<a@b.example>
		< 503 5.5.1 Say EHLO first
		> STARTTLS
		< 503 5.5.1
		> EHLO client.example
		< 250-
		> MAIL FROM:<a@b.example> REQUIRETLS
		< 250
		> RCPT TO:<anna@x.test>
		< 250
		> DATA
		< 354
		> .
		< 250
		> QUIT
		< 221
		eof`, 1},
	{"text pipelined behind STARTTLS", MX, false, `
		< 220
		>> "EHLO c.example\r\nSTARTTLS\r\nMAIL FROM:<evil@b.example>\r\n"
		< 250-
		< 554 5.5.1
		eof`, 0},
	{"STARTTLS where it is not offered", Submission, true, `
		< 220
		> EHLO client.example
		< 250-
		> STARTTLS
		< 503`, 0},
}
