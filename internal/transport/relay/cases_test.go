package relay

import (
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

const simple = `
S: 220 mx ESMTP
C: EHLO us.test
S: 250 mx
C: MAIL FROM:<anna@us.test>
S: 250 ok
C: RCPT TO:<a@x.test>
S: 250 ok
C: DATA
S: 354 go
BODY
S: 250 2.0.0 taken as 42
`

// hello is a greeting and an EHLO with extensions.
func hello(ext ...string) string {
	out := "S: 220 mx\nC: EHLO us.test\n"
	if len(ext) == 0 {
		return out + "S: 250 mx\n"
	}
	out += "S: 250-mx\n"
	for i, e := range ext {
		sep := "-"
		if i == len(ext)-1 {
			sep = " "
		}
		out += "S: 250" + sep + e + "\n"
	}
	return out
}

// scriptCase is one or more connections, and what becomes of a message.
type scriptCase struct {
	scripts []script
	to      string
	change  func(*queue.Message)
	body    string
	want    string // statuses
	reply   string // of the first recipient: enhanced code and a part of the words
}

// scriptCases are what a server may do, one name each.
var scriptCases = map[string]scriptCase{
	"a plain server": {scripts: []script{simple}, want: "ok", reply: "2.0.0 taken as 42"},
	"a server without EHLO": {scripts: []script{`
		S: 220 mx
		C: EHLO us.test
		S: 502 what?
		C: HELO us.test
		S: 250 mx
		C: MAIL FROM:<anna@us.test>
		S: 250 ok
		C: RCPT TO:<a@x.test>
		S: 250 ok
		C: DATA
		S: 354 go
		BODY
		S: 250 ok`}, want: "ok", reply: "2.0.0 250 ok"},
	"pipelined": {scripts: []script{script(hello("PIPELINING", "SIZE 1000") + `
		C: MAIL FROM:<anna@us.test> SIZE=27
		C: RCPT TO:<a@x.test>
		C: RCPT TO:<b@x.test>
		C: DATA
		S: 250 ok
		S: 250 ok
		S: 550 5.1.1 no such b
		S: 354 go
		BODY
		S: 250 ok`)}, to: "a@x.test b@x.test", want: "ok never"},
	"pipelined, nobody accepted, DATA accepted all the same": {scripts: []script{script(hello("PIPELINING") + `
		C: MAIL FROM:<anna@us.test>
		C: RCPT TO:<a@x.test>
		C: DATA
		S: 250 ok
		S: 450 4.2.1 greylisted
		S: 354 go
		C: .
		S: 554 no valid recipients`)}, want: "later", reply: "4.2.1 greylisted"},
	"pipelined, MAIL refused for now": {scripts: []script{script(hello("PIPELINING") + `
		C: MAIL FROM:<anna@us.test>
		C: RCPT TO:<a@x.test>
		C: DATA
		S: 451 4.3.0 not now
		S: 503 5.5.1 MAIL first
		S: 503 5.5.1 MAIL first
		CLOSE`)}, want: "later", reply: "4.3.0 not now"},
	"MAIL refused for good": {scripts: []script{script(hello() + `
		C: MAIL FROM:<anna@us.test>
		S: 550 5.7.1 not you`)}, want: "never", reply: "5.7.1 not you"},
	"BDAT": {scripts: []script{script(hello("CHUNKING", "8BITMIME") + `
		C: MAIL FROM:<anna@us.test>
		S: 250 ok
		C: RCPT TO:<a@x.test>
		S: 250 ok
		CHUNK
		S: 250 ok`)}, want: "ok"},
	"greylisted recipient": {scripts: []script{script(hello() + `
		C: MAIL
		S: 250 ok
		C: RCPT
		S: 450 4.2.0 come again`)}, want: "later", reply: "4.2.0 come again"},
	"content refused": {scripts: []script{script(hello() + `
		C: MAIL
		S: 250 ok
		C: RCPT
		S: 250 ok
		C: DATA
		S: 354 go
		BODY
		S: 554-5.6.0 this is
		S: 554 5.6.0 nonsense`)}, want: "never", reply: "5.6.0 this is nonsense"},
	"too many recipients at once": {scripts: []script{script(hello() + `
		C: MAIL
		S: 250 ok
		C: RCPT TO:<a@x.test>
		S: 250 ok
		C: RCPT TO:<b@x.test>
		S: 452 4.5.3 enough
		C: DATA
		S: 354 go
		BODY
		S: 250 ok
		C: MAIL
		S: 250 ok
		C: RCPT TO:<b@x.test>
		S: 250 ok
		C: DATA
		S: 354 go
		BODY
		S: 250 ok`)}, to: "a@x.test b@x.test", want: "ok ok"},
	"LIMITS RCPTMAX": {scripts: []script{script(hello("LIMITS RCPTMAX=1") + `
		C: MAIL
		S: 250 ok
		C: RCPT TO:<a@x.test>
		S: 250 ok
		C: DATA
		S: 354 go
		BODY
		S: 250 ok
		C: MAIL
		S: 250 ok
		C: RCPT TO:<b@x.test>
		S: 550 no
		CLOSE`)}, to: "a@x.test b@x.test", want: "ok never"},
	"too large": {scripts: []script{script(hello("SIZE 10"))}, want: "never", reply: "5.3.4 27 > 10 bytes"},
	"8-bit content where no encoding is allowed, no 8BITMIME": {scripts: []script{script(hello())}, want: "never", reply: "5.6.3 8BITMIME",
		body: "Subject: x\r\nContent-Type: message/partial\r\n\r\n\xfcber\r\n"},
	"8-bit content, signed, no 8BITMIME": {scripts: []script{script(hello())}, want: "never", reply: "5.6.3 signed", body: signedMessage},
	"UTF-8 header, no SMTPUTF8": {scripts: []script{script(hello("8BITMIME"))}, body: "Subject: ü\r\n\r\nx\r\n",
		change: func(m *queue.Message) { m.UTF8, m.Body = true, mail.Body8Bit }, want: "never", reply: "5.6.7 SMTPUTF8"},
	"SMTPUTF8 was asked for and is not needed": {scripts: []script{simple},
		change: func(m *queue.Message) { m.UTF8 = true }, want: "ok"},
	"UTF-8 address, no SMTPUTF8": {scripts: []script{simple}, to: "ü@x.test a@x.test", want: "never ok", reply: "5.6.7"},
	"UTF-8 address": {scripts: []script{script(hello("SMTPUTF8", "8BITMIME") + `
		C: MAIL FROM:<anna@us.test> SMTPUTF8
		S: 250 ok
		C: RCPT TO:<ü@x.test>
		S: 250 ok
		C: DATA
		S: 354 go
		BODY
		S: 250 ok`)}, to: "ü@x.test", want: "ok"},
	"binary": {scripts: []script{script(hello("CHUNKING", "8BITMIME", "BINARYMIME") + `
		C: MAIL FROM:<anna@us.test> BODY=BINARYMIME
		S: 250 ok
		C: RCPT
		S: 250 ok
		CHUNK
		S: 250 ok`)}, body: "Subject: x\r\n\r\n\x00\n\xff", change: func(m *queue.Message) { m.Body = mail.BodyBinary }, want: "ok"},
	"bare LF, no CHUNKING": {scripts: []script{script(hello() + `
		C: MAIL
		S: 250 ok
		C: RCPT
		S: 250 ok
		C: DATA
		S: 354 go
		CLOSE`)}, body: "Subject: x\r\n\r\na\nb\r\n", want: "never", reply: "5.6.0 bare"},
	"DSN parameters": {scripts: []script{script(hello("DSN") + `
		C: MAIL FROM:<anna@us.test> RET=HDRS ENVID=one+2Btwo
		S: 250 ok
		C: RCPT
		S: 250 ok
		C: DATA
		S: 354 go
		BODY
		S: 250 ok`)}, change: func(m *queue.Message) { m.EnvID, m.Return = "one+two", mail.ReturnHeaders }, want: "ok"},
	"silence after the content": {scripts: []script{script(hello() + `
		C: MAIL
		S: 250 ok
		C: RCPT
		S: 250 ok
		C: DATA
		S: 354 go
		BODY
		CLOSE`)}, want: "later", reply: "4.4.2 did not answer"},
	"a reply that is none":       {scripts: []script{"S: hello there\nCLOSE"}, want: "later unreachable", reply: "4.4.1"},
	"a server that wants nobody": {scripts: []script{"S: 554 go away"}, want: "later unreachable", reply: "4.3.2 go away"},
	"a server without end": {scripts: []script{script("S: 220-" + strings.Repeat("\nS: 220-x", 200) + "\nCLOSE")},
		want: "later unreachable", reply: "4.4.1"},
}
