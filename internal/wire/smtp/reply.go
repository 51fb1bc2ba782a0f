package smtp

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Reply is a server's answer (RFC 5321 section 4.2), with the enhanced status code of RFC 3463 if there is one.
type Reply struct {
	Code   int      // 200 to 599
	Status string   // "2.0.0"; empty for none
	Lines  []string // the text, line by line, without codes; one empty line if there is none
}

// Limits of a reply that is read.
const (
	MaxReplyLines = 128
	MaxReplySize  = 64 << 10
)

// The ways a reply can be malformed.
var (
	errReplySyntax = errors.New("smtp: malformed reply")
	errReplyCodes  = errors.New("smtp: a reply's lines have different codes")
	errReplySize   = errors.New("smtp: reply too long")
)

// Say makes a reply of one line.
func Say(code int, status, text string) Reply {
	return Reply{Code: code, Status: status, Lines: []string{text}}
}

// Text is all lines, joined by blanks.
func (r Reply) Text() string { return strings.Join(r.Lines, " ") }

// String is the reply as people read it: codes once, and the text.
func (r Reply) String() string {
	b := strconv.AppendInt(nil, int64(r.Code), 10)
	if r.Status != "" {
		b = append(append(b, ' '), r.Status...)
	}
	if t := r.Text(); t != "" {
		b = append(append(b, ' '), t...)
	}
	return string(b)
}

// Class is the first digit: 2 done, 3 go on, 4 later, 5 never.
func (r Reply) Class() int { return r.Code / 100 }

// Append writes the reply as it goes over the wire, CRLF included. Control characters in the text become question marks.
func (r Reply) Append(dst []byte) []byte {
	lines := r.Lines
	if len(lines) == 0 {
		lines = []string{""}
	}
	for i, l := range lines {
		dst = strconv.AppendInt(dst, int64(r.Code), 10)
		sep := byte('-')
		if i == len(lines)-1 {
			sep = ' '
		}
		dst = append(dst, sep)
		if r.Status != "" {
			dst = append(dst, r.Status...)
			if l != "" {
				dst = append(dst, ' ')
			}
		}
		for j := range len(l) {
			c := l[j]
			if c < ' ' && c != '\t' || c == 0x7f {
				c = '?'
			}
			dst = append(dst, c)
		}
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// LineReader gives lines without CRLF; line.Conn is one.
type LineReader interface{ ReadLine() ([]byte, error) }

// ReadReply reads one reply, bounded by MaxReplyLines and MaxReplySize. A malformed reply is an error after which the
// connection has no meaning any more.
func ReadReply(lr LineReader) (Reply, error) {
	var r Reply
	size := 0
	for {
		l, err := lr.ReadLine()
		if err != nil {
			return Reply{}, fmt.Errorf("read reply: %w", err)
		}
		if size += len(l); size > MaxReplySize || len(r.Lines) == MaxReplyLines {
			return Reply{}, errReplySize
		}
		code, text, more, ok := splitReplyLine(l)
		if !ok {
			return Reply{}, errReplySyntax
		}
		if r.Lines != nil && code != r.Code {
			return Reply{}, errReplyCodes
		}
		r.Code = code
		r.Lines = append(r.Lines, text)
		if !more {
			r.takeStatus()
			return r, nil
		}
	}
}

// splitReplyLine reads one line: three digits, then nothing, a blank or a hyphen, then text. A reply without text and without a
// blank is allowed (RFC 5321 section 4.2).
func splitReplyLine(l []byte) (code int, text string, more, ok bool) {
	if len(l) < 3 || l[0] < '2' || l[0] > '5' || l[1] < '0' || l[1] > '9' || l[2] < '0' || l[2] > '9' {
		return 0, "", false, false
	}
	code = int(l[0]-'0')*100 + int(l[1]-'0')*10 + int(l[2]-'0')
	if len(l) == 3 {
		return code, "", false, true
	}
	if l[3] != ' ' && l[3] != '-' {
		return 0, "", false, false
	}
	text = string(l[4:])
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	if strings.ContainsFunc(text, isControl) {
		text = strings.Map(func(r rune) rune {
			if isControl(r) {
				return '?'
			}
			return r
		}, text)
	}
	return code, text, l[3] == '-', true
}

// isControl reports what does something to the terminal of whoever reads a reply in a journey or a log.
func isControl(r rune) bool { return r != '\t' && unicode.IsControl(r) }

// takeStatus moves the enhanced status code, if every line has the same one or only the first has one, out of the text.
func (r *Reply) takeStatus() {
	status, rest := cutStatus(r.Lines[0])
	if status == "" || int(status[0]-'0') != r.Class() {
		return
	}
	r.Status = status
	r.Lines[0] = rest
	for i, l := range r.Lines[1:] {
		if s, rest := cutStatus(l); s == status {
			r.Lines[i+1] = rest
		}
	}
}

// cutStatus takes "class.subject.detail" off a line: a digit 2, 4 or 5, and two numbers of at most three digits (RFC 3463
// section 2).
func cutStatus(l string) (status, rest string) {
	word, rest, _ := strings.Cut(l, " ")
	f := strings.Split(word, ".")
	if len(word) > len("5.999.999") || len(f) != 3 || f[0] != "2" && f[0] != "4" && f[0] != "5" {
		return "", l
	}
	for _, n := range f[1:] {
		if _, ok := parseNumber(n, 3); !ok || len(n) > 1 && n[0] == '0' {
			return "", l
		}
	}
	return word, rest
}
