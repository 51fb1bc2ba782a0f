package sasl

import "encoding/base64"

var base64Std = base64.StdEncoding.Strict()

// DecodeResponse reads a line with a client's response, base64 as SMTP, POP3 and IMAP carry it; "*" is ErrCancelled. The result is
// not nil and the caller's own.
func DecodeResponse(line []byte) ([]byte, error) {
	if len(line) == 1 && line[0] == '*' {
		return nil, ErrCancelled
	}
	if len(line) > MaxLine || base64Std.DecodedLen(len(line)) > MaxMessage+2 {
		return nil, ErrTooLong
	}
	for _, c := range line {
		if c == '\r' || c == '\n' { // which encoding/base64 would skip
			return nil, ErrSyntax
		}
	}
	out := make([]byte, base64Std.DecodedLen(len(line)))
	n, err := base64Std.Decode(out, line)
	if err != nil {
		return nil, ErrSyntax
	}
	if n > MaxMessage {
		return nil, ErrTooLong
	}
	return out[:n], nil
}

// DecodeInitial reads an initial response given with the command itself, where "=" stands for an empty one (RFC 4954
// section 4). The result is not nil.
func DecodeInitial(word []byte) ([]byte, error) {
	if len(word) == 1 && word[0] == '=' {
		return []byte{}, nil
	}
	if len(word) == 0 {
		return nil, ErrSyntax
	}
	return DecodeResponse(word)
}

// AppendChallenge appends a challenge (or a client's response) in base64.
func AppendChallenge(dst, challenge []byte) []byte { return base64Std.AppendEncode(dst, challenge) }
