package message

import (
	"encoding/binary"
	"strings"
)

// has8Bit reports whether a byte is over 127.
func has8Bit(b []byte) bool {
	const high = 0x8080808080808080
	for len(b) >= 32 {
		w := binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) |
			binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
		if w&high != 0 {
			return true
		}
		b = b[32:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// describe fills in what the part's MIME header fields say. fallback is its type if it has none.
func (p *Part) describe(h Header, fallback string) {
	p.Type, p.Subtype, p.Encoding = "text", "plain", "7bit"
	if fallback != "" {
		p.Type, p.Subtype, _ = strings.Cut(fallback, "/")
	}
	var seen uint
	for _, f := range h {
		if f.name < len("Content-ID") || !equalFoldASCII(f.Raw[:8], "Content-") {
			continue
		}
		for i, c := range contentFields {
			if f.Is(c.name) && seen&(1<<i) == 0 { // of doubled fields the first counts
				seen |= 1 << i
				c.set(p, f.Value())
			}
		}
	}
}

var contentFields = [...]struct {
	name string
	set  func(p *Part, value string)
}{
	{"Content-Type", func(p *Part, v string) { p.Type, p.Subtype, p.Params = parseContentType(v) }},
	{"Content-Transfer-Encoding", func(p *Part, v string) {
		if enc := cleanToken(v); enc != "" {
			p.Encoding = enc
		}
	}},
	{"Content-ID", func(p *Part, v string) { p.ID = v }},
	{"Content-Description", func(p *Part, v string) { p.Description = v }},
	{"Content-Disposition", func(p *Part, v string) {
		head, rest, _ := strings.Cut(skipSpace(v), ";")
		p.Disposition = cleanToken(head)
		p.DispositionParams = parseParams(rest)
	}},
	{"Content-MD5", func(p *Part, v string) { p.MD5 = v }},
	{"Content-Language", func(p *Part, v string) { p.Language = languages(v) }},
	{"Content-Location", func(p *Part, v string) { p.Location = v }},
}

// languages splits a Content-Language value (RFC 3282); comments are dropped.
func languages(v string) []string {
	var out []string
	for tag := range strings.SplitSeq(v, ",") {
		if tag = cleanToken(tag); tag != "" && len(out) < 100 {
			out = append(out, tag)
		}
	}
	return out
}

// textSize is the memory that the part's strings take, with something for the part itself.
func (p *Part) textSize() int {
	n := 64 + len(p.Type) + len(p.Subtype) + len(p.ID) + len(p.Description) + len(p.Encoding) + len(p.MD5) +
		len(p.Disposition) + len(p.Location)
	for _, ps := range [...]Params{p.Params, p.DispositionParams} {
		for _, q := range ps {
			n += len(q.Name) + len(q.Value) + 2
		}
	}
	for _, l := range p.Language {
		n += len(l) + 1
	}
	return n
}

// ParseEnvelope reads what IMAP's ENVELOPE and threading want of a message's header. Of fields that may stand once only
// the first counts; To, Cc and Bcc are joined.
func ParseEnvelope(h Header) Envelope {
	var e Envelope
	seen := uint(0)
	once := func(bit uint) bool {
		first := seen&(1<<bit) == 0
		seen |= 1 << bit
		return first
	}
	for _, f := range h {
		if f.name < 2 || f.name > 11 {
			continue
		}
		switch {
		case f.Is("Date") && once(0):
			e.RawDate = f.Value()
			e.Date, _ = ParseDate(e.RawDate)
		case f.Is("Subject") && once(1):
			e.Subject = f.Value()
		case f.Is("From") && once(2):
			e.From = ParseAddressList(f.Value())
		case f.Is("Sender") && once(3):
			e.Sender = ParseAddressList(f.Value())
		case f.Is("Reply-To") && once(4):
			e.ReplyTo = ParseAddressList(f.Value())
		case f.Is("To"):
			e.To = append(e.To, ParseAddressList(f.Value())...)
		case f.Is("Cc"):
			e.Cc = append(e.Cc, ParseAddressList(f.Value())...)
		case f.Is("Bcc"):
			e.Bcc = append(e.Bcc, ParseAddressList(f.Value())...)
		case f.Is("Message-ID") && once(5):
			e.MessageID = firstID(f.Value())
		case f.Is("In-Reply-To") && once(6):
			e.RawInReplyTo = f.Value()
			e.InReplyTo = ParseMessageIDs(e.RawInReplyTo)
		case f.Is("References") && once(7):
			e.References = ParseMessageIDs(f.Value())
		}
	}
	return e
}

func (e *Envelope) textSize() int {
	n := len(e.RawDate) + len(e.Subject) + len(e.MessageID) + len(e.RawInReplyTo) + 16
	for _, list := range e.lists() {
		for _, a := range *list {
			n += len(a.Name) + len(a.Local) + len(a.Domain) + 4
		}
	}
	for _, ids := range [...][]string{e.InReplyTo, e.References} {
		for _, id := range ids {
			n += len(id) + 2
		}
	}
	return n
}

// addressLists is how many lists of addresses an envelope has.
const addressLists = 6

// lists are the address lists in the order they are stored.
func (e *Envelope) lists() [addressLists]*[]Address {
	return [...]*[]Address{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.Cc, &e.Bcc}
}

// hasAttachment says whether a part is meant to be saved: one said to be an attachment, or one that is not text and not a
// picture inside of HTML (RFC 8621 section 4.1.4 leaves the rule to the server).
func hasAttachment(root *Part) bool {
	found := false
	root.Walk(func(p *Part) bool {
		found = found || p.isAttachment()
		return !found
	})
	return found
}

func (p *Part) isAttachment() bool {
	if p.IsMultipart() {
		return false
	}
	if p.Disposition == "attachment" {
		return true
	}
	named := p.Disposition != "inline" && p.Filename() != ""
	switch p.Type {
	case "text":
		return named && p.Subtype != "plain" && p.Subtype != "html" || named && p.DispositionParams != nil
	case "message":
		return p.IsMessage()
	case "image", "audio", "video":
		return p.ID == "" && p.Disposition != "inline"
	}
	switch p.Subtype {
	case "pgp-signature", "pkcs7-signature", "x-pkcs7-signature", "pgp-encrypted", "pkcs7-mime", "x-pkcs7-mime":
		return false
	}
	return true
}
