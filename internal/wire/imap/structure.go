package imap

import (
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// AppendEnvelope writes an ENVELOPE (RFC 9051 section 7.5.2). Sender and Reply-To default to From. Strings stay as the
// header has them, encoded words included, except where enc is UTF8: what is UTF-8 in the header is then written so.
func AppendEnvelope(dst []byte, e *message.Envelope, enc Encoding) []byte {
	dst = append(dst, '(')
	dst = AppendNString(dst, e.RawDate, enc)
	dst = append(dst, ' ')
	dst = AppendNString(dst, e.Subject, enc)
	sender, replyTo := e.Sender, e.ReplyTo
	if len(sender) == 0 {
		sender = e.From
	}
	if len(replyTo) == 0 {
		replyTo = e.From
	}
	for _, list := range [...][]message.Address{e.From, sender, replyTo, e.To, e.Cc, e.Bcc} {
		dst = append(dst, ' ')
		dst = appendAddresses(dst, list, enc)
	}
	dst = append(dst, ' ')
	dst = AppendNString(dst, e.RawInReplyTo, enc)
	dst = append(dst, ' ')
	dst = AppendNString(dst, e.MessageID, enc)
	return append(dst, ')')
}

func appendAddresses(dst []byte, list []message.Address, enc Encoding) []byte {
	if len(list) == 0 {
		return append(dst, "NIL"...)
	}
	dst = append(dst, '(')
	for _, a := range list {
		switch a.Mark {
		case message.MarkGroupStart:
			dst = append(dst, "(NIL NIL "...)
			dst = AppendString(dst, a.Name, enc)
			dst = append(dst, " NIL)"...)
		case message.MarkGroupEnd:
			dst = append(dst, "(NIL NIL NIL NIL)"...)
		default:
			dst = append(dst, '(')
			dst = AppendNString(dst, a.Name, enc)
			dst = append(dst, " NIL "...)
			// NIL in these two would make a group of it.
			dst = AppendString(dst, a.Local, enc)
			dst = append(dst, ' ')
			dst = AppendString(dst, a.Domain, enc)
			dst = append(dst, ')')
		}
	}
	return append(dst, ')')
}

// Extent says how much of a structure is told.
type Extent uint8

// The extents: BODY, and BODYSTRUCTURE with its extension data.
const (
	Basic Extent = iota
	Extended
)

// AppendStructure writes a BODY or BODYSTRUCTURE (RFC 9051 section 7.5.2).
func AppendStructure(dst []byte, p *message.Part, x Extent, enc Encoding) []byte {
	dst = append(dst, '(')
	if p.IsMultipart() && len(p.Children) > 0 {
		for i := range p.Children {
			dst = AppendStructure(dst, &p.Children[i], x, enc)
		}
		dst = append(dst, ' ')
		dst = AppendString(dst, p.Subtype, enc)
		if x == Extended {
			dst = append(dst, ' ')
			dst = appendParams(dst, p.Params, enc)
			dst = appendDisposition(dst, p, enc)
		}
		return append(dst, ')')
	}
	return append(appendLeaf(dst, p, x, enc), ')')
}

func appendLeaf(dst []byte, p *message.Part, x Extent, enc Encoding) []byte {
	kind, sub := p.Type, p.Subtype
	if p.IsMultipart() || kind == "message" && (sub == "rfc822" || sub == "global") && !p.IsMessage() {
		kind, sub = "application", "octet-stream" // the grammar has no such part without its inside
	}
	dst = AppendString(dst, kind, enc)
	dst = append(dst, ' ')
	dst = AppendString(dst, sub, enc)
	dst = append(dst, ' ')
	dst = appendParams(dst, p.Params, enc)
	dst = append(dst, ' ')
	dst = AppendNString(dst, p.ID, enc)
	dst = append(dst, ' ')
	dst = AppendNString(dst, p.Description, enc)
	dst = append(dst, ' ')
	encoding := p.Encoding
	if encoding == "" {
		encoding = "7bit"
	}
	dst = AppendString(dst, encoding, enc)
	dst = append(dst, ' ')
	dst = appendUint(dst, uint64(max(p.Size(), 0)))
	switch {
	case kind == "text":
		dst = append(dst, ' ')
		dst = appendUint(dst, uint64(p.Lines))
	case kind == "message" && p.IsMessage():
		dst = append(dst, ' ')
		dst = AppendEnvelope(dst, p.Envelope, enc)
		dst = append(dst, ' ')
		dst = AppendStructure(dst, &p.Children[0], x, enc)
		dst = append(dst, ' ')
		dst = appendUint(dst, uint64(p.Lines))
	}
	if x == Extended {
		dst = append(dst, ' ')
		dst = AppendNString(dst, p.MD5, enc)
		dst = appendDisposition(dst, p, enc)
	}
	return dst
}

func appendParams(dst []byte, params message.Params, enc Encoding) []byte {
	if len(params) == 0 {
		return append(dst, "NIL"...)
	}
	for i, q := range params {
		c := byte(' ')
		if i == 0 {
			c = '('
		}
		dst = append(dst, c)
		dst = AppendString(dst, q.Name, enc)
		dst = append(dst, ' ')
		dst = AppendString(dst, q.Value, enc)
	}
	return append(dst, ')')
}

// appendDisposition writes the extension data both kinds of parts end with: disposition, language, location.
func appendDisposition(dst []byte, p *message.Part, enc Encoding) []byte {
	dst = append(dst, ' ')
	if p.Disposition == "" {
		dst = append(dst, "NIL"...)
	} else {
		dst = append(dst, '(')
		dst = AppendString(dst, p.Disposition, enc)
		dst = append(dst, ' ')
		dst = appendParams(dst, p.DispositionParams, enc)
		dst = append(dst, ')')
	}
	dst = append(dst, ' ')
	if len(p.Language) == 0 {
		dst = append(dst, "NIL"...)
	} else {
		for i, l := range p.Language {
			c := byte(' ')
			if i == 0 {
				c = '('
			}
			dst = append(dst, c)
			dst = AppendString(dst, l, enc)
		}
		dst = append(dst, ')')
	}
	dst = append(dst, ' ')
	return AppendNString(dst, p.Location, enc)
}
