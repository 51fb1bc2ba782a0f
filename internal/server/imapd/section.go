package imapd

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// maxHeaderRead bounds the header block that is read into memory for HEADER.FIELDS.
const maxHeaderRead = 2 * message.MaxHeader

// source reads what a FETCH or SEARCH wants of one message, each thing at most once.
type source struct {
	account *mailbox.Account
	m       mailbox.Message
	listing mailbox.Row
	row     []byte        // the summary as it is kept, if it was read ahead; lent
	ref     store.BlobRef // the body, if it was looked for ahead
	sum     *message.Summary
	blob    store.Blob
	sizes   map[*message.Part]int64 // decoded, of parts of sum that were asked for: a FETCH may ask for each many times
}

func (src *source) close() {
	if src.blob != nil {
		src.blob.Close()
		src.blob = nil
	}
}

func (src *source) summary(ctx context.Context) (*message.Summary, error) {
	if src.sum != nil {
		return src.sum, nil
	}
	var err error
	if src.row == nil {
		src.sum, err = src.account.Summary(ctx, src.m.EmailID)
		return src.sum, err
	}
	if src.sum, err = message.DecodeSummary(src.row); err != nil {
		return nil, mail.Failed(mail.KindInternal, "the mail store failed", err)
	}
	return src.sum, nil
}

// envelope is the summary's, without reading more of it than that if it can.
func (src *source) envelope(ctx context.Context) (*message.Envelope, error) {
	if src.row == nil || src.sum != nil {
		sum, err := src.summary(ctx)
		if err != nil {
			return nil, err
		}
		return &sum.Envelope, nil
	}
	e, err := message.DecodeEnvelope(src.row)
	if err != nil {
		return nil, mail.Failed(mail.KindInternal, "the mail store failed", err)
	}
	return &e, nil
}

func (src *source) body(ctx context.Context) (store.Blob, error) {
	if src.blob != nil {
		return src.blob, nil
	}
	var err error
	if src.ref == (store.BlobRef{}) {
		src.blob, err = src.account.Body(ctx, src.m.EmailID)
		return src.blob, err
	}
	src.blob, err = src.account.OpenBody(ctx, src.ref)
	return src.blob, err
}

// answer is what was read for an item.
type answer struct {
	summary *message.Summary
	id      string
	content io.Reader // nil: there is no such part
	size    int64     // of content
}

func (src *source) answer(ctx context.Context, item imap.FetchItem) (answer, error) {
	switch item.Kind {
	case imap.FetchEmailID:
		return answer{id: src.m.EmailID.String()}, nil
	case imap.FetchThreadID:
		e, err := src.account.Email(ctx, src.m.EmailID)
		return answer{id: e.Thread.String()}, err
	case imap.FetchEnvelope, imap.FetchBody, imap.FetchBodyStructure:
		sum, err := src.summary(ctx)
		return answer{summary: sum}, err
	}
	if !item.NeedsBody() {
		return answer{}, nil
	}
	return src.section(ctx, item)
}

// section opens the content an item names.
func (src *source) section(ctx context.Context, item imap.FetchItem) (answer, error) {
	blob, err := src.body(ctx)
	if err != nil {
		return answer{}, err
	}
	sec := item.Section
	switch item.Kind {
	case imap.FetchRFC822Header:
		sec.Part = imap.SectionHeader
	case imap.FetchRFC822Text:
		sec.Part = imap.SectionText
	}
	if len(sec.Path) == 0 && sec.Part == imap.SectionAll {
		return cut(blob, 0, blob.Size(), item.Partial), nil
	}
	sum, err := src.summary(ctx)
	if err != nil {
		return answer{}, err
	}
	part := findPart(sum, sec.Path)
	if part == nil {
		return answer{}, nil
	}
	if item.Kind == imap.FetchBinary || item.Kind == imap.FetchBinarySize {
		return src.decoded(blob, part, item.Partial)
	}
	from, to, ok := extent(part, sec, len(sec.Path) == 0)
	if !ok {
		return answer{}, nil
	}
	if sec.Part == imap.SectionHeaderFields || sec.Part == imap.SectionHeaderFieldsNot {
		return fields(blob, from, to, sec, item.Partial)
	}
	return cut(blob, from, to, item.Partial), nil
}

func findPart(sum *message.Summary, path []uint32) *message.Part {
	ints := make([]int, len(path))
	for i, n := range path {
		if n > message.MaxParts {
			return nil
		}
		ints[i] = int(n)
	}
	return sum.Find(ints...)
}

// extent finds where in the message a section is.
func extent(p *message.Part, sec imap.Section, whole bool) (from, to int64, ok bool) {
	switch sec.Part {
	case imap.SectionAll:
		return p.BodyStart, p.End, true
	case imap.SectionMIME:
		return p.HeaderStart, p.BodyStart, true
	}
	if !whole { // HEADER and TEXT of a part are those of the message in it
		if !p.IsMessage() {
			return 0, 0, false
		}
		p = &p.Children[0]
	}
	if sec.Part == imap.SectionText {
		return p.BodyStart, p.End, true
	}
	return p.HeaderStart, p.BodyStart, true
}

// cut gives a range of the body, or the part of it that a partial names.
func cut(blob io.ReaderAt, from, to int64, part *imap.Partial) answer {
	if part != nil {
		from = min(from+int64(part.Offset), to)
		to = min(from+int64(part.Length), to)
	}
	return answer{content: io.NewSectionReader(blob, from, to-from), size: to - from}
}

// fields reads a header block and gives the fields wanted with their exact bytes, and the blank line.
func fields(blob io.ReaderAt, from, to int64, sec imap.Section, part *imap.Partial) (answer, error) {
	block := make([]byte, min(to-from, maxHeaderRead))
	if _, err := io.ReadFull(io.NewSectionReader(blob, from, int64(len(block))), block); err != nil {
		return answer{}, fmt.Errorf("read a header: %w", err)
	}
	header, err := message.ParseHeader(block)
	if err != nil && len(header) == 0 {
		return answer{}, nil
	}
	var out []byte
	for _, f := range header {
		named := false
		for _, name := range sec.Fields {
			named = named || f.Is(name)
		}
		if named == (sec.Part == imap.SectionHeaderFields) {
			out = append(out, f.Raw...)
		}
	}
	out = append(out, "\r\n"...)
	return cut(bytes.NewReader(out), 0, int64(len(out)), part), nil
}

// decoded gives a part without its transfer encoding (RFC 3516). Its length is found by decoding it once before.
func (src *source) decoded(blob io.ReaderAt, p *message.Part, part *imap.Partial) (answer, error) {
	switch p.Encoding {
	case "", "7bit", "8bit", "binary":
		return cut(blob, p.BodyStart, p.End, part), nil
	case "base64", "quoted-printable":
	default:
		return answer{}, no("UNKNOWN-CTE", "this transfer encoding is not known")
	}
	open := func() io.Reader { return message.Decode(io.NewSectionReader(blob, p.BodyStart, p.Size()), p.Encoding) }
	size, known := src.sizes[p]
	if !known {
		var err error
		if size, err = io.Copy(io.Discard, open()); err != nil {
			return answer{}, fmt.Errorf("decode a part: %w", err)
		}
		if src.sizes == nil {
			src.sizes = map[*message.Part]int64{}
		}
		src.sizes[p] = size
	}
	content := open()
	if part == nil {
		return answer{content: content, size: size}, nil
	}
	skip := min(int64(part.Offset), size)
	if _, err := io.CopyN(io.Discard, content, skip); err != nil {
		return answer{}, fmt.Errorf("decode a part: %w", err)
	}
	size = min(size-skip, int64(part.Length))
	return answer{content: io.LimitReader(content, size), size: size}, nil
}
