package pop3

// Code is a response code (RFC 2449 section 8), without brackets.
type Code string

// The codes.
const (
	NoCode     Code = ""
	InUse      Code = "IN-USE"      // RFC 2449: another session has the maildrop
	LoginDelay Code = "LOGIN-DELAY" // RFC 2449: the user logged in a moment ago
	SysTemp    Code = "SYS/TEMP"    // RFC 3206: not the user's fault, and may go away
	SysPerm    Code = "SYS/PERM"    // RFC 3206: not the user's fault, and will not go away by itself
	AuthFailed Code = "AUTH"        // RFC 3206: the credentials are wrong
	NeedsUTF8  Code = "UTF8"        // RFC 6856: the client must use UTF8 for this
)

// maxText bounds a response line's text: RFC 2449 section 4 bounds the line at 512 bytes.
const maxText = 480

// AppendOK appends a positive response line.
func AppendOK(dst []byte, text string) []byte { return appendText(append(dst, "+OK"...), text) }

// AppendErr appends a negative response line.
func AppendErr(dst []byte, c Code, text string) []byte {
	dst = append(dst, "-ERR"...)
	if c != NoCode {
		dst = append(append(append(dst, " ["...), c...), ']')
	}
	return appendText(dst, text)
}

func appendText(dst []byte, text string) []byte {
	if text != "" {
		dst = append(dst, ' ')
	}
	start := len(dst)
	for i := 0; i < len(text) && len(dst)-start < maxText; i++ {
		if c := text[i]; c >= ' ' && c != 0x7f {
			dst = append(dst, c)
		}
	}
	return append(dst, '\r', '\n')
}

// EndOfList ends a multi-line response.
const EndOfList = ".\r\n"
