package message

import (
	"strings"
	"time"
)

// ParseDate reads a date-time (RFC 5322 section 3.3 and the obsolete forms of 4.3) in its own zone. It accepts what mail
// of the last forty years holds: no weekday, no seconds, years of two and three digits, named zones, comments. ok is
// false if there is no date to be read; a date without a zone is taken as UTC.
func ParseDate(value string) (t time.Time, ok bool) {
	var d dateParser
	if len(value) > 512 {
		value = value[:512]
	}
	for _, tok := range dateTokens(value) {
		if !d.take(tok) {
			break
		}
	}
	return d.time()
}

// dateTokens splits at white space, commas and hyphens between words, and drops comments.
func dateTokens(s string) []string {
	var out []string
	depth, start := 0, -1
	cut := func(i int) {
		if start >= 0 {
			out = append(out, s[start:i])
		}
		start = -1
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '(':
			cut(i)
			depth++
		case c == ')':
			cut(i)
			depth = max(0, depth-1)
		case depth > 0:
		case c == ' ' || c == '\t' || c == ',' || c == '\r' || c == '\n':
			cut(i)
		case c == '-' && start >= 0 && isWordDate(s[start:i]):
			cut(i)
		case start < 0:
			start = i
		}
	}
	cut(len(s))
	return out
}

// isWordDate reports whether a hyphen after this token separates, as in 21-Nov-1997.
func isWordDate(tok string) bool {
	return len(tok) <= 2 && isDigits(tok) || len(tok) == 3 && month(tok) > 0
}

type dateParser struct {
	day, year       int
	month           time.Month
	h, m, s         int
	zone            *time.Location
	hasDay, hasTime bool
	hasYear         bool
}

// take reads one token; false ends the reading.
func (d *dateParser) take(tok string) bool {
	switch {
	case strings.IndexByte(tok, ':') > 0 && !d.hasTime:
		return d.takeTime(tok)
	case isDigits(tok) && !d.hasDay && len(tok) <= 2:
		d.day, d.hasDay = atoi(tok), true
	case isDigits(tok) && !d.hasYear && len(tok) <= 4:
		d.year, d.hasYear = fullYear(tok), true
	case d.month == 0 && month(tok) > 0:
		d.month = month(tok)
	case d.hasTime && d.hasYear:
		d.zone = zone(tok)
		return d.zone == nil
	case d.hasTime && d.zone == nil: // "Mon Nov 21 10:00:00 GMT 2026" has its zone before the year
		d.zone = zone(tok)
	}
	return true
}

func (d *dateParser) takeTime(tok string) bool {
	part := strings.Split(tok, ":")
	if len(part) > 3 {
		return false
	}
	var v [3]int
	for i, p := range part {
		p, _, _ = strings.Cut(p, ".")
		if !isDigits(p) || len(p) > 2 {
			return false
		}
		v[i] = atoi(p)
	}
	d.h, d.m, d.s, d.hasTime = v[0], v[1], v[2], true
	return true
}

func (d *dateParser) time() (time.Time, bool) {
	if !d.hasDay || !d.hasYear || d.month == 0 || d.day < 1 || d.day > 31 || d.h > 23 || d.m > 59 || d.s > 60 {
		return time.Time{}, false
	}
	if d.zone == nil {
		d.zone = time.UTC
	}
	return time.Date(d.year, d.month, d.day, d.h, d.m, d.s, 0, d.zone), true
}

// fullYear reads obsolete years (RFC 5322 section 4.3).
func fullYear(tok string) int {
	y := atoi(tok)
	switch {
	case len(tok) <= 2 && y < 50:
		return 2000 + y
	case len(tok) <= 3:
		return 1900 + y
	}
	return y
}

var months = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

func month(tok string) time.Month {
	if len(tok) < 3 || len(tok) > 9 {
		return 0
	}
	for i, m := range months {
		if strings.EqualFold(tok[:3], m) {
			return time.Month(i + 1)
		}
	}
	return 0
}

// zone reads a zone; unknown letters mean UTC with nothing known of the place (RFC 5322 section 4.3), and nil is no zone.
func zone(tok string) *time.Location {
	if len(tok) == 5 && (tok[0] == '+' || tok[0] == '-') && isDigits(tok[1:]) {
		off := (atoi(tok[1:3])*60 + atoi(tok[3:])) * 60
		if off > 24*3600 {
			return time.UTC
		}
		if tok[0] == '-' {
			off = -off
		}
		if off == 0 {
			return time.UTC
		}
		return time.FixedZone("", off)
	}
	switch strings.ToUpper(tok) {
	case "EDT":
		return time.FixedZone("", -4*3600)
	case "EST", "CDT":
		return time.FixedZone("", -5*3600)
	case "CST", "MDT":
		return time.FixedZone("", -6*3600)
	case "MST", "PDT":
		return time.FixedZone("", -7*3600)
	case "PST":
		return time.FixedZone("", -8*3600)
	case "CET", "MEZ":
		return time.FixedZone("", 3600)
	case "CEST", "MESZ":
		return time.FixedZone("", 2*3600)
	}
	for i := range len(tok) {
		if c := tok[i] | 0x20; c < 'a' || c > 'z' {
			return nil
		}
	}
	return time.UTC
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// FormatDate writes a date as RFC 5322 section 3.3 wants it.
func FormatDate(t time.Time) string { return t.Format("Mon, 02 Jan 2006 15:04:05 -0700") }
