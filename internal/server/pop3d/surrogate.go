package pop3d

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

var (
	crlf        = []byte("\r\n")
	endOfHeader = []byte("\r\n\r\n")
)

// headerFor gives the header of a message, with the empty line, as a client that did not say UTF8 may see it, and where the body
// starts; nil if the client may see it as it is. First is the beginning of the message.
//
// A header in UTF-8 is replaced by a surrogate (RFC 6858), so that a program which knows nothing of UTF-8 does not stumble over one
// message for ever. Other 8-bit headers are nobody's standard and stay as they are.
func headerFor(first []byte, body io.ReaderAt) (header []byte, bodyStart int64, err error) {
	end := bytes.Index(first, endOfHeader)
	if end < 0 && len(first) == pieceSize {
		first = make([]byte, message.MaxHeader)
		n, err := body.ReadAt(first, 0)
		if err != nil && err != io.EOF {
			return nil, 0, err
		}
		first = first[:n]
		end = bytes.Index(first, endOfHeader)
	}
	if end < 0 {
		return nil, 0, nil
	}
	block := first[:end+len(crlf)]
	if isASCII(block) || !utf8.Valid(block) {
		return nil, 0, nil
	}
	h, err := message.ParseHeader(block)
	if err != nil {
		return nil, 0, nil //nolint:nilerr // a header that nobody can read is sent as it is
	}
	for i := range h {
		h[i] = surrogate(h[i])
	}
	return h.AppendTo(nil), int64(end + len(endOfHeader)), nil
}

// isASCII looks at eight bytes at a time.
func isASCII(b []byte) bool {
	const high = 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b)&high != 0 {
			return false
		}
	}
	return !slices.ContainsFunc(b, func(c byte) bool { return c >= utf8.RuneSelf })
}

// surrogate writes a field in ASCII: names and texts as encoded words (RFC 2047); an address that has no ASCII form as the name of a
// group without members (RFC 6858 section 2.1); in other fields each character that is not ASCII as a question mark, as there is no way
// to write it and the field cannot be used for what it is for anyhow.
func surrogate(f message.Field) message.Field {
	if isASCII(f.Raw) {
		return f
	}
	name := f.Name()
	switch strings.ToLower(strings.TrimPrefix(strings.ToLower(name), "resent-")) {
	case "from", "sender", "to", "cc", "bcc", "reply-to":
		return message.MakeField(name, message.Fold(name, message.FormatAddressList(surrogates(message.ParseAddressList(f.Value())))))
	case "received", "return-path", "message-id", "in-reply-to", "references", "date", "mime-version", "content-type", "content-disposition",
		"content-transfer-encoding", "content-id", "dkim-signature", "authentication-results", "":
		return unreadable(f)
	}
	return message.MakeField(name, message.Fold(name, message.EncodeText(f.Value(), message.HeaderASCII)))
}

func unreadable(f message.Field) message.Field {
	raw := bytes.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, f.Raw)
	h, err := message.ParseHeader(raw)
	if err != nil || len(h) != 1 {
		return f
	}
	return h[0]
}

func surrogates(list []message.Address) []message.Address {
	out := make([]message.Address, 0, len(list))
	inGroup := false
	for _, a := range list {
		switch a.Mark {
		case message.MarkGroupStart:
			inGroup = true
		case message.MarkGroupEnd:
			inGroup = false
		}
		a.Name = message.EncodeText(a.DisplayName(), message.HeaderASCII)
		if d, err := mail.ParseDomain(a.Domain); err == nil {
			a.Domain = string(d)
		}
		if isASCII([]byte(a.Local + a.Domain)) {
			out = append(out, a)
			continue
		}
		a.Name = message.EncodeText(strings.TrimSpace(message.DecodeText(a.Name)+" "+a.Local+"@"+a.Domain), message.HeaderASCII)
		if inGroup { // groups do not nest: the name alone, at an address that cannot be
			out = append(out, message.Address{Name: a.Name, Local: "unknown", Domain: "utf8.invalid"})
			continue
		}
		out = append(out, message.Address{Name: a.Name, Mark: message.MarkGroupStart}, message.Address{Mark: message.MarkGroupEnd})
	}
	return out
}
