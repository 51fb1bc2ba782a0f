package imap

import (
	"encoding/base64"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	errUTF7   = errors.New("mailbox name is not modified UTF-7")
	utf7Codec = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding).Strict()
)

// AppendUTF7 writes a mailbox name in modified UTF-7 (RFC 3501 section 5.1.3). The name must be valid UTF-8.
func AppendUTF7(dst []byte, name string) []byte {
	for i := 0; i < len(name); {
		c := name[i]
		if c >= 0x20 && c <= 0x7e {
			dst = append(dst, c)
			if c == '&' {
				dst = append(dst, '-')
			}
			i++
			continue
		}
		var run []byte // UTF-16 big-endian of the characters until the next printable ASCII one
		for i < len(name) && (name[i] < 0x20 || name[i] > 0x7e) {
			r, n := utf8.DecodeRuneInString(name[i:])
			i += n
			for _, u := range utf16.AppendRune(nil, r) {
				run = append(run, byte(u>>8), byte(u))
			}
		}
		dst = append(dst, '&')
		dst = utf7Codec.AppendEncode(dst, run)
		dst = append(dst, '-')
	}
	return dst
}

// DecodeUTF7 reads a mailbox name in modified UTF-7. It is strict: each name has one encoding only, so that two names
// that look the same are the same.
func DecodeUTF7(s string) (string, error) {
	plain := true
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return "", errUTF7
		}
		plain = plain && s[i] != '&'
	}
	if plain {
		return s, nil
	}
	var out []byte
	afterShift := false // the last thing was a shifted run: another must have been part of it
	for i := 0; i < len(s); {
		if s[i] != '&' {
			out = append(out, s[i])
			afterShift = false
			i++
			continue
		}
		end := i + 1
		for end < len(s) && s[end] != '-' {
			end++
		}
		if end == len(s) {
			return "", errUTF7
		}
		if end == i+1 {
			out = append(out, '&')
			afterShift = false
			i = end + 1
			continue
		}
		if afterShift {
			return "", errUTF7
		}
		var err error
		if out, err = appendShifted(out, s[i+1:end]); err != nil {
			return "", err
		}
		afterShift = true
		i = end + 1
	}
	return string(out), nil
}

func appendShifted(out []byte, run string) ([]byte, error) {
	raw, err := utf7Codec.DecodeString(run)
	if err != nil || len(raw)%2 != 0 {
		return nil, errUTF7
	}
	for i := 0; i < len(raw); i += 2 {
		r := rune(raw[i])<<8 | rune(raw[i+1])
		if utf16.IsSurrogate(r) {
			if i += 2; i >= len(raw) {
				return nil, errUTF7
			}
			if r = utf16.DecodeRune(r, rune(raw[i])<<8|rune(raw[i+1])); r == utf8.RuneError {
				return nil, errUTF7
			}
		}
		if r >= 0x20 && r <= 0x7e { // must have been written as itself
			return nil, errUTF7
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}
