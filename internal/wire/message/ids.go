package message

import "strings"

// ParseMessageIDs reads message ids with their angle brackets out of a Message-ID, In-Reply-To or References value. Words
// and comments between them are skipped (RFC 5322 section 4.5.4); white space inside an id is dropped, as it comes from
// bad folding. Of more than MaxReferences, the first and the latest are kept.
func ParseMessageIDs(value string) []string {
	var out []string
	for {
		start := strings.IndexByte(value, '<')
		if start < 0 {
			return out
		}
		value = value[start:]
		end := strings.IndexByte(value, '>')
		if end < 0 {
			return out
		}
		if again := strings.LastIndexByte(value[:end], '<'); again > 0 {
			value, end = value[again:], end-again
		}
		id := value[:end+1]
		value = value[end+1:]
		if strings.ContainsAny(id, " \t\r\n") {
			id = strings.Map(func(r rune) rune {
				if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
					return -1
				}
				return r
			}, id)
		}
		if len(id) <= 2 || len(id) > MaxMessageID {
			continue
		}
		if len(out) == MaxReferences {
			copy(out[1:], out[2:])
			out = out[:len(out)-1]
		}
		out = append(out, id)
	}
}

// firstID is the one id of a Message-ID field. An id without brackets is given them.
func firstID(value string) string {
	if ids := ParseMessageIDs(value); len(ids) > 0 {
		return ids[0]
	}
	value = strings.TrimSpace(value)
	if value == "" || len(value) > MaxMessageID-2 || strings.ContainsAny(value, " \t<>()") {
		return ""
	}
	return "<" + value + ">"
}
