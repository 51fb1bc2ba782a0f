package obs

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// line is one line of the mail log being made. Its form is that of log/slog's handlers; its memory is used again.
type line struct {
	b    []byte
	json bool
}

// keepLine is the largest memory that is kept for the next line.
const keepLine = 4 << 10

func (l *line) begin(at time.Time, event string) *line {
	if l.json {
		l.b = append(l.b[:0], `{"time":"`...)
		l.b = append(at.AppendFormat(l.b, time.RFC3339Nano), '"')
		return l.str("event", event)
	}
	l.b = append(l.b[:0], "time="...)
	l.b = appendMillis(l.b, at)
	return l.str("event", event)
}

// appendMillis is RFC 3339 to the millisecond. Only time.RFC3339Nano is formatted fast, and it leaves zeros at the end out: so, as log/slog
// does it, a tenth of a millisecond is put in and taken out again.
func appendMillis(b []byte, at time.Time) []byte {
	end := len(b) + len("2006-01-02T15:04:05.000")
	b = at.Truncate(time.Millisecond).Add(time.Millisecond/10).AppendFormat(b, time.RFC3339Nano)
	return append(b[:end], b[end+1:]...)
}

// end gives the whole line. It is valid until the next begin.
func (l *line) end() []byte {
	if l.json {
		l.b = append(l.b, '}')
	}
	l.b = append(l.b, '\n')
	return l.b
}

// key begins a field. Keys are ours and need no quotes.
func (l *line) key(k string) {
	if !l.json {
		l.b = append(append(append(l.b, ' '), k...), '=')
		return
	}
	l.b = append(append(append(l.b, `,"`...), k...), `":`...)
}

// str adds a string, cut at MaxValue.
func (l *line) str(k, v string) *line {
	l.key(k)
	v = cut(v)
	switch {
	case plain(v):
		if l.json {
			l.b = append(append(append(l.b, '"'), v...), '"')
			return l
		}
		l.b = append(l.b, v...)
	case l.json:
		l.quoteJSON(v)
	case needsQuotes(v):
		l.b = strconv.AppendQuote(l.b, v)
	default:
		l.b = append(l.b, v...)
	}
	return l
}

func (l *line) quoteJSON(v string) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // a string can always be encoded
	l.b = append(l.b, strings.TrimSuffix(out.String(), "\n")...)
}

func (l *line) int(k string, v int64) *line {
	l.key(k)
	l.b = strconv.AppendInt(l.b, v, 10)
	return l
}

// id adds a message's id.
func (l *line) id(m mail.MessageID) *line { return l.str("id", m.String()) }

func (l *line) from(a mail.Address) *line { return l.str("from", a.String()) }

func (l *line) to(a mail.Address) *line { return l.str("to", a.String()) }

// delay adds a time in seconds, to the millisecond.
func (l *line) delay(d time.Duration) *line {
	l.key("delay")
	format := byte('g')
	if l.json {
		format = 'f'
	}
	l.b = strconv.AppendFloat(l.b, d.Round(time.Millisecond).Seconds(), format, -1, 64)
	return l
}

// session adds what is known of a connection.
func (l *line) session(s *Session) *line {
	l.str("proto", string(s.Proto))
	l.key("peer")
	quoted := l.json || !s.Peer.IsValid()
	if quoted {
		l.b = append(l.b, '"')
	}
	if s.Peer.IsValid() {
		l.b = s.Peer.Unmap().AppendTo(l.b)
	}
	if quoted {
		l.b = append(l.b, '"')
	}
	l.str("tls", TLSName(s.TLS))
	if s.Account != "" {
		l.str("account", s.Account)
	}
	return l
}

// plain reports whether a value is the same with and without quotes in both formats: printable ASCII without what has a meaning in them.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=' {
			return false
		}
	}
	return s != ""
}

// needsQuotes reports whether a value could be taken for something else in text, as log/slog decides it.
func needsQuotes(s string) bool {
	if s == "" {
		return true
	}
	for _, r := range s {
		if r == ' ' || r == '=' || r == '"' || r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return true
		}
	}
	return false
}
