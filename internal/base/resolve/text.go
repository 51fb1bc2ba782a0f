package resolve

import (
	"encoding/hex"
	"strings"
)

func decodeHex(s string) ([]byte, error) { return hex.DecodeString(s) }

// unescape turns the presentation form of a character string (\" and \DDD, RFC 1035 section 5.1), as the DNS library keeps it,
// into its octets.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 == len(s) {
			b.WriteByte(c)
			continue
		}
		if v, ok := decimal(s[i+1:]); ok {
			b.WriteByte(v)
			i += 3
			continue
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String()
}

// decimal reads the three digits of an octet.
func decimal(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	v := 0
	for i := range 3 {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = 10*v + int(s[i]-'0')
	}
	return byte(v), v < 256
}
