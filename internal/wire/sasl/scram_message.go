package sasl

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// clientFirst is the client's first message (RFC 5802 section 7): a header that names the binding, the user and a nonce.
type clientFirst struct {
	header  string // with its final comma
	flag    byte   // 'n', 'y' or 'p'
	binding string // the name after "p="
	authzid string
	bare    string // all after the header
	user    string
	nonce   string
}

func parseClientFirst(m string) (clientFirst, error) {
	var f clientFirst
	if len(m) > MaxMessage || !utf8.ValidString(m) {
		return f, ErrSyntax
	}
	flag, rest, ok := strings.Cut(m, ",")
	if !ok {
		return f, ErrSyntax
	}
	switch {
	case flag == "n" || flag == "y":
		f.flag = flag[0]
	case strings.HasPrefix(flag, "p="):
		f.flag, f.binding = 'p', flag[2:]
	default:
		return f, ErrSyntax
	}
	authz, bare, ok := strings.Cut(rest, ",")
	if !ok {
		return f, ErrSyntax
	}
	if authz != "" && authz != "a=" { // GNU SASL says "a=" for none
		name, has := strings.CutPrefix(authz, "a=")
		if f.authzid, ok = decodeName(name); !has || !ok {
			return f, ErrSyntax
		}
	}
	f.header, f.bare = m[:len(m)-len(bare)], bare
	return f, f.parseBare()
}

// parseBare reads n=user,r=nonce[,extensions]. A mandatory extension (m=) that we do not know must fail.
func (f *clientFirst) parseBare() error {
	user, rest, _ := strings.Cut(f.bare, ",")
	nonce, _, _ := strings.Cut(rest, ",")
	name, hasN := strings.CutPrefix(user, "n=")
	var ok bool
	if f.user, ok = decodeName(name); !hasN || !ok {
		return ErrSyntax
	}
	if f.nonce, ok = strings.CutPrefix(nonce, "r="); !ok || !validNonce(f.nonce) {
		return ErrSyntax
	}
	return nil
}

// clientFinal is the client's last message: binding, nonce and proof.
type clientFinal struct {
	binding []byte
	nonce   string
	proof   []byte
	without string // the message without the proof
}

func parseClientFinal(m string) (clientFinal, error) {
	var f clientFinal
	if len(m) > MaxMessage || !utf8.ValidString(m) {
		return f, ErrSyntax
	}
	i := strings.LastIndex(m, ",p=")
	if i < 0 {
		return f, ErrSyntax
	}
	f.without = m[:i]
	var err error
	if f.proof, err = decode64(m[i+3:]); err != nil || len(f.proof) != KeyLen {
		return f, ErrSyntax
	}
	c, rest, _ := strings.Cut(f.without, ",")
	r, _, _ := strings.Cut(rest, ",")
	binding, hasC := strings.CutPrefix(c, "c=")
	if f.binding, err = decode64(binding); !hasC || err != nil {
		return f, ErrSyntax
	}
	var ok bool
	if f.nonce, ok = strings.CutPrefix(r, "r="); !ok {
		return f, ErrSyntax
	}
	return f, nil
}

// serverFirst is the server's challenge: nonce, salt and iterations.
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
}

func parseServerFirst(m string) (serverFirst, error) {
	var f serverFirst
	parts := strings.Split(m, ",")
	if len(m) > MaxMessage || len(parts) < 3 {
		return f, ErrSyntax
	}
	var okR, okS, okI bool
	var salt, iterations string
	f.nonce, okR = strings.CutPrefix(parts[0], "r=")
	salt, okS = strings.CutPrefix(parts[1], "s=")
	iterations, okI = strings.CutPrefix(parts[2], "i=")
	if !okR || !okS || !okI || !validNonce(f.nonce) {
		return f, ErrSyntax
	}
	var err error
	if f.salt, err = decode64(salt); err != nil || len(f.salt) == 0 {
		return f, ErrSyntax
	}
	if f.iterations, err = strconv.Atoi(iterations); err != nil {
		return f, ErrSyntax
	}
	return f, nil
}

func decode64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, ErrSyntax
	}
	return base64Std.DecodeString(s)
}

func encode64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// validNonce reports whether s is printable ASCII without a comma.
func validNonce(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ',' {
			return false
		}
	}
	return s != ""
}

// decodeName undoes the escapes of a name: "=2C" is a comma and "=3D" an equals sign; nothing else may follow "=".
func decodeName(s string) (string, bool) {
	if s == "" || strings.IndexByte(s, 0) >= 0 {
		return "", false
	}
	if strings.IndexByte(s, '=') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			b.WriteByte(s[i])
			continue
		}
		switch {
		case strings.HasPrefix(s[i:], "=2C"):
			b.WriteByte(',')
		case strings.HasPrefix(s[i:], "=3D"):
			b.WriteByte('=')
		default:
			return "", false
		}
		i += 2
	}
	return b.String(), true
}

func encodeName(s string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s)
}
