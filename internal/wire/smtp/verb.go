package smtp

import (
	"bytes"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Verb is a command's name.
type Verb uint8

// The verbs (RFC 5321 section 4.1.1; LHLO RFC 2033; BDAT RFC 3030; STARTTLS RFC 3207; AUTH RFC 4954).
const (
	VerbUnknown Verb = iota
	VerbHelo
	VerbEhlo
	VerbLhlo
	VerbMail
	VerbRcpt
	VerbData
	VerbBdat
	VerbRset
	VerbNoop
	VerbQuit
	VerbVrfy
	VerbExpn
	VerbHelp
	VerbStartTLS
	VerbAuth

	verbEnd
)

// NumVerbs is how many verbs there are, VerbUnknown included: the size of a dispatch table.
const NumVerbs = int(verbEnd)

var verbNames = [NumVerbs]string{
	VerbUnknown: "?", VerbHelo: "HELO", VerbEhlo: "EHLO", VerbLhlo: "LHLO", VerbMail: "MAIL", VerbRcpt: "RCPT",
	VerbData: "DATA", VerbBdat: "BDAT", VerbRset: "RSET", VerbNoop: "NOOP", VerbQuit: "QUIT", VerbVrfy: "VRFY",
	VerbExpn: "EXPN", VerbHelp: "HELP", VerbStartTLS: "STARTTLS", VerbAuth: "AUTH",
}

// String is the verb in upper case.
func (v Verb) String() string {
	if v >= verbEnd {
		return verbNames[VerbUnknown]
	}
	return verbNames[v]
}

// ParseCommand takes the verb off a line and gives what follows, without the blanks around it. An unknown verb is VerbUnknown with the
// whole line as its arguments. It does not allocate.
func ParseCommand(line []byte) (Verb, []byte) {
	end := bytes.IndexByte(line, ' ')
	if end < 0 {
		end = len(line)
	}
	v := lookUpVerb(line[:end])
	if v == VerbUnknown {
		return v, line
	}
	return v, bytes.Trim(line[end:], " ")
}

func lookUpVerb(b []byte) Verb {
	var upper [len("STARTTLS")]byte
	if len(b) < 4 || len(b) > len(upper) {
		return VerbUnknown
	}
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	for v := VerbHelo; v < verbEnd; v++ {
		if string(upper[:len(b)]) == verbNames[v] {
			return v
		}
	}
	return VerbUnknown
}

func syntax(public string) *mail.Fault { return mail.Refuse(mail.KindSyntax, public) }

// maxHello bounds the name a client gives itself.
const maxHello = mail.MaxDomainLen

// ParseHello reads the argument of HELO, EHLO and LHLO. Many clients' names are not domain names (underscores, the umlauts of
// Windows computers), so it asks only for one word without control characters; what is made of it is policy. What is not ASCII comes
// out as question marks, as nobody knows its charset.
func ParseHello(args []byte) (string, error) {
	if len(args) == 0 {
		return "", syntax("a name is needed, like mail.example.org or [192.0.2.1]")
	}
	if len(args) > maxHello {
		return "", syntax("that name is too long")
	}
	name := make([]byte, len(args))
	for i, c := range args {
		switch {
		case c <= ' ' || c == 0x7f:
			return "", syntax("that is not a domain name or an address literal")
		case c > 0x7f:
			c = '?'
		}
		name[i] = c
	}
	return string(name), nil
}

// NoArguments holds DATA, RSET, QUIT and STARTTLS to having none (RFC 5321 section 4.1.1).
func NoArguments(args []byte) error {
	if len(args) > 0 {
		return syntax("this command takes no arguments")
	}
	return nil
}

// Last says whether a BDAT chunk is the message's last.
type Last bool

// ParseBdat reads BDAT's arguments: chunk-size [ LAST ] (RFC 3030 section 2). A wrong one cannot be skipped, as nobody knows how many
// bytes follow: the session must end.
func ParseBdat(args []byte) (size int64, last Last, err error) {
	number, rest, more := bytes.Cut(args, []byte(" "))
	if more && !bytes.EqualFold(bytes.Trim(rest, " "), []byte("LAST")) {
		return 0, false, syntax("only LAST may follow the chunk's size")
	}
	const digits = 18 // below 2^63
	if len(number) == 0 || len(number) > digits {
		return 0, false, syntax("the chunk's size is not a number")
	}
	for _, c := range number {
		if c < '0' || c > '9' {
			return 0, false, syntax("the chunk's size is not a number")
		}
		size = size*10 + int64(c-'0')
	}
	return size, Last(more), nil
}

// ParseAuth reads AUTH's arguments: mechanism [initial-response] (RFC 4954 section 4). The mechanism is in upper case; the
// initial response is as sent, in base64 or "=", and empty if there is none.
func ParseAuth(args []byte) (mechanism, initial string, err error) {
	name, rest, _ := bytes.Cut(args, []byte(" "))
	if len(name) == 0 || len(name) > 20 {
		return "", "", syntax("a mechanism is needed")
	}
	name = bytes.ToUpper(name)
	for _, c := range name {
		// RFC 4422 section 3.1.
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return "", "", syntax("that is not a mechanism's name")
		}
	}
	if bytes.IndexByte(rest, ' ') >= 0 {
		return "", "", syntax("only an initial response may follow the mechanism")
	}
	return string(name), string(rest), nil
}
