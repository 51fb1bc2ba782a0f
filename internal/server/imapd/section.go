package imapd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

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
	session  *session
	account  *mailbox.Account
	m        mailbox.Message
	listing  mailbox.Row
	row      []byte        // the summary as it is kept, if it was read ahead; lent
	ref      store.BlobRef // the body, if it was looked for ahead
	sum      *message.Summary
	blob     store.Blob
	sizes    map[*message.Part]int64 // decoded, of parts of sum that were asked for: a FETCH may ask for each many times
	headers  []headerAt              // that were read, for the same reason
	onlyHead bool                    // the header is all that is wanted of the body
	measured bool
	held     int64  // bytes in memory for what was read
	leave    func() // ends the turn to hold much of it; nil without one
}

// hold notes that so many bytes more will be in memory until the response is taken. It waits for the account's turn if they are many.
func (src *source) hold(ctx context.Context, n int64) (err error) {
	if src.held += n; src.held > largeFrom && src.leave == nil {
		src.leave, err = src.session.srv.large(ctx, src.account.ID())
	}
	return err
}

func (src *source) close() {
	if src.blob != nil {
		src.blob.Close()
		src.blob = nil
	}
	if src.leave != nil {
		src.leave()
		src.leave = nil
	}
}

func (src *source) summary(ctx context.Context) (*message.Summary, error) {
	if src.sum != nil {
		return src.sum, nil
	}
	err := src.measure(ctx)
	if err != nil {
		return nil, err
	}
	if src.row == nil {
		src.sum, err = src.account.Summary(ctx, src.m.EmailID)
		return src.sum, err
	}
	if src.sum, err = message.DecodeSummary(src.row); err != nil {
		return nil, mail.Failed(mail.KindInternal, "the mail store failed", err)
	}
	return src.sum, nil
}

// measure reads a summary that was not read ahead, but for a large one it only waits for the turn to hold it.
func (src *source) measure(ctx context.Context) error {
	if src.row != nil || src.measured {
		return nil
	}
	src.measured = true
	var size int64
	err := src.account.SummaryRows(ctx, []mail.EmailID{src.m.EmailID}, func(_ int, row []byte) error {
		if size = int64(len(row)); size <= largeFrom {
			src.row = bytes.Clone(row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return src.hold(ctx, size)
}

// envelope is the summary's, without reading more of it than that if it can.
func (src *source) envelope(ctx context.Context) (*message.Envelope, error) {
	if src.sum == nil {
		if err := src.measure(ctx); err != nil {
			return nil, err
		}
	}
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

// root is where the message's own header and body are, which is found without the rest of the summary.
func (src *source) root(ctx context.Context) (message.Extent, error) {
	if src.sum == nil {
		if err := src.measure(ctx); err != nil {
			return message.Extent{}, err
		}
	}
	if src.row == nil || src.sum != nil {
		sum, err := src.summary(ctx)
		if err != nil {
			return message.Extent{}, err
		}
		return sum.Root.Extent(), nil
	}
	e, err := message.DecodeExtent(src.row)
	if err != nil {
		return e, mail.Failed(mail.KindInternal, "the mail store failed", err)
	}
	return e, nil
}

// head opens the body for reading its first n bytes, and all of it if other items want more.
func (src *source) head(ctx context.Context, n int64) (store.Blob, error) {
	if src.blob != nil || !src.onlyHead || src.ref == (store.BlobRef{}) {
		return src.body(ctx)
	}
	var err error
	src.blob, err = src.account.OpenBodyHead(ctx, src.ref, n)
	return src.blob, err
}

// answer is what was read for an item.
type answer struct {
	envelope *message.Envelope
	summary  *message.Summary
	id       string
	content  io.Reader // nil: there is no such part
	size     int64     // of content
}

func (src *source) answer(ctx context.Context, item imap.FetchItem) (answer, error) {
	switch item.Kind {
	case imap.FetchEmailID:
		return answer{id: src.m.EmailID.String()}, nil
	case imap.FetchThreadID:
		e, err := src.account.Email(ctx, src.m.EmailID)
		return answer{id: e.Thread.String()}, err
	case imap.FetchEnvelope:
		e, err := src.envelope(ctx)
		return answer{envelope: e}, err
	case imap.FetchBody, imap.FetchBodyStructure:
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
	sec := item.Section
	switch item.Kind {
	case imap.FetchRFC822Header:
		sec.Part = imap.SectionHeader
	case imap.FetchRFC822Text:
		sec.Part = imap.SectionText
	}
	if ofHeader(item) {
		return src.ownHeader(ctx, sec, item.Partial)
	}
	blob, err := src.body(ctx)
	if err != nil {
		return answer{}, err
	}
	if len(sec.Path) == 0 && sec.Part == imap.SectionAll {
		return cut(blob, 0, blob.Size(), item.Partial), nil
	}
	if len(sec.Path) == 0 && sec.Part == imap.SectionText {
		root, err := src.root(ctx)
		if err != nil {
			return answer{}, err
		}
		return cut(blob, root.BodyStart, root.End, item.Partial), nil
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
	return src.headerOrCut(ctx, blob, sec, item.Partial, from, to)
}

// ownHeader answers for the message's own header, or fields of it.
func (src *source) ownHeader(ctx context.Context, sec imap.Section, part *imap.Partial) (answer, error) {
	root, err := src.root(ctx)
	if err != nil {
		return answer{}, err
	}
	blob, err := src.head(ctx, root.BodyStart)
	if err != nil {
		return answer{}, err
	}
	return src.headerOrCut(ctx, blob, sec, part, root.HeaderStart, root.BodyStart)
}

// headerOrCut answers with fields of the header that is there, if the section asks for some, or with all that is there.
func (src *source) headerOrCut(ctx context.Context, blob io.ReaderAt, sec imap.Section, part *imap.Partial, from, to int64) (answer, error) {
	if sec.Part != imap.SectionHeaderFields && sec.Part != imap.SectionHeaderFieldsNot {
		return cut(blob, from, to, part), nil
	}
	header, err := src.header(ctx, blob, from, to)
	if err != nil {
		return answer{}, err
	}
	return src.session.someFields(header, sec, part), nil
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

// headerAt is a header and where in the message it begins.
type headerAt struct {
	from   int64
	header message.Header
}

// header reads a header block; what is beyond its bounds is not there. Of a block that is none it gives nil.
func (src *source) header(ctx context.Context, blob io.ReaderAt, from, to int64) (message.Header, error) {
	for i := range src.headers {
		if src.headers[i].from == from {
			return src.headers[i].header, nil
		}
	}
	size := min(to-from, maxHeaderRead)
	if err := src.hold(ctx, 2*size); err != nil { // the block, and what it is taken to pieces to
		return nil, err
	}
	block := make([]byte, size)
	if n, err := blob.ReadAt(block, from); int64(n) < size {
		return nil, fmt.Errorf("read a header: %w", err)
	}
	header, err := message.ParseHeader(block)
	if err == nil && header == nil {
		header = message.Header{}
	}
	src.headers = append(src.headers, headerAt{from, header})
	return header, nil
}

// someFields gives the fields wanted with their exact bytes, and the blank line. Nothing is copied: a FETCH may ask for very many such
// answers of one message.
func (s *session) someFields(header message.Header, sec imap.Section, part *imap.Partial) answer {
	if header == nil {
		return answer{}
	}
	r := &fieldReader{header: header, wanted: make([]bool, len(header)), end: "\r\n"}
	var size int64
	choose := func() { size = r.choose(sec) }
	if len(header)*len(sec.Fields) > fewNames {
		s.srv.Work.Do(s.worker, choose)
	} else {
		choose()
	}
	if part == nil {
		return answer{content: r, size: size}
	}
	skip := min(int64(part.Offset), size)
	_, _ = io.CopyN(io.Discard, r, skip) // it has as many
	size = min(size-skip, int64(part.Length))
	return answer{content: io.LimitReader(r, size), size: size}
}

// fewNames is how many comparisons of names are no work to speak of.
const fewNames = 10_000

// fieldReader reads those fields of a header that a section asks for.
type fieldReader struct {
	header message.Header
	wanted []bool // of header's fields
	rest   []byte // of the field before header
	end    string
}

// choose notes which fields are wanted, and gives the size of all that will be read.
func (r *fieldReader) choose(sec imap.Section) (size int64) {
	for i := range r.header {
		named := slices.ContainsFunc(sec.Fields, func(name string) bool { return r.header[i].Is(name) })
		if r.wanted[i] = named == (sec.Part == imap.SectionHeaderFields); r.wanted[i] {
			size += int64(len(r.header[i].Raw))
		}
	}
	return size + int64(len(r.end))
}

func (r *fieldReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		switch {
		case len(r.rest) > 0:
			k := copy(p[n:], r.rest)
			r.rest = r.rest[k:]
			n += k
		case len(r.header) > 0:
			if r.wanted[0] {
				r.rest = r.header[0].Raw
			}
			r.header, r.wanted = r.header[1:], r.wanted[1:]
		case r.end != "":
			k := copy(p[n:], r.end)
			r.end = r.end[k:]
			n += k
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
	return n, nil
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
		if size, err = src.session.swallow(open(), p.Size()); err != nil { // decoding makes nothing longer
			return answer{}, fmt.Errorf("decode a part: %w", err)
		}
		if src.sizes == nil {
			src.sizes = map[*message.Part]int64{}
		}
		src.sizes[p] = size
	}
	content := open()
	if part != nil {
		skip := min(int64(part.Offset), size)
		size = min(size-skip, int64(part.Length))
		if size == 0 {
			skip = 0
		}
		if _, err := src.session.swallow(content, skip); err != nil {
			return answer{}, fmt.Errorf("decode a part: %w", err)
		}
	}
	return answer{content: inTurns{src.session, io.LimitReader(content, size)}, size: size}, nil
}
