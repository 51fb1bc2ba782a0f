package imap

// FetchKind is one kind of data item of FETCH.
type FetchKind uint8

// The kinds of RFC 3501, RFC 9051, RFC 3516, RFC 7162 and RFC 8474.
const (
	FetchUID FetchKind = iota + 1
	FetchFlags
	FetchInternalDate
	FetchSize // RFC822.SIZE
	FetchEnvelope
	FetchBody          // BODY: the structure without extension data
	FetchBodyStructure // BODYSTRUCTURE
	FetchModSeq
	FetchEmailID
	FetchThreadID
	FetchSection    // BODY[...] and BODY.PEEK[...]
	FetchBinary     // BINARY[...] and BINARY.PEEK[...]
	FetchBinarySize // BINARY.SIZE[...]
	FetchRFC822
	FetchRFC822Header
	FetchRFC822Text
)

var fetchNames = [...]string{
	FetchUID: "UID", FetchFlags: "FLAGS", FetchInternalDate: "INTERNALDATE", FetchSize: "RFC822.SIZE",
	FetchEnvelope: "ENVELOPE", FetchBody: "BODY", FetchBodyStructure: "BODYSTRUCTURE", FetchModSeq: "MODSEQ",
	FetchEmailID: "EMAILID", FetchThreadID: "THREADID", FetchSection: "BODY", FetchBinary: "BINARY",
	FetchBinarySize: "BINARY.SIZE", FetchRFC822: "RFC822", FetchRFC822Header: "RFC822.HEADER",
	FetchRFC822Text: "RFC822.TEXT",
}

// SectionPart is what of a part BODY[...] names.
type SectionPart uint8

// The section parts. SectionAll is the whole message or part.
const (
	SectionAll SectionPart = iota
	SectionHeader
	SectionHeaderFields
	SectionHeaderFieldsNot
	SectionText
	SectionMIME
)

// Section is the inside of BODY[...] (RFC 9051 section 6.4.5.1).
type Section struct {
	Path   []uint32 // part numbers; empty for the message itself
	Part   SectionPart
	Fields []string // as written, for HEADER.FIELDS
}

// Partial is "<offset.length>".
type Partial struct{ Offset, Length uint32 }

// FetchItem is one data item wanted.
type FetchItem struct {
	Kind    FetchKind
	Peek    bool // does not set \Seen; true for every item that never does
	Section Section
	Partial *Partial
}

// NeedsBody reports whether the item can only be answered from the message itself.
func (i FetchItem) NeedsBody() bool { return i.Kind >= FetchSection }

// Fetch is FETCH (RFC 9051 section 6.4.5, RFC 7162 section 3.1.4).
type Fetch struct {
	Set          SeqSet
	Items        []FetchItem // macros expanded
	ChangedSince uint64      // holds if HasChangedSince
	// HasChangedSince and Vanished are the modifiers (RFC 7162 sections 3.1.4.1 and 3.2.6).
	HasChangedSince, Vanished bool
}

// The bounds of one FETCH.
const (
	maxFetchItems   = 128
	maxSectionDepth = 64
	maxHeaderFields = 256
)

// Fetch takes FETCH's arguments.
func (p *Parser) Fetch() (Fetch, error) {
	f := Fetch{Set: p.SeqSet()}
	p.SP()
	switch {
	case p.peek() == '(':
		p.list(func() { p.fetchItem(&f) })
	case p.tryWord("ALL"):
		f.add(FetchFlags, FetchInternalDate, FetchSize, FetchEnvelope)
	case p.tryWord("FAST"):
		f.add(FetchFlags, FetchInternalDate, FetchSize)
	case p.tryWord("FULL"):
		f.add(FetchFlags, FetchInternalDate, FetchSize, FetchEnvelope, FetchBody)
	default:
		p.fetchItem(&f)
	}
	if p.TrySP() {
		p.list(func() { p.fetchModifier(&f) })
	}
	if f.Vanished && !f.HasChangedSince {
		p.fail("VANISHED needs CHANGEDSINCE")
	}
	return f, p.End()
}

func (f *Fetch) add(kinds ...FetchKind) {
	for _, k := range kinds {
		f.Items = append(f.Items, FetchItem{Kind: k, Peek: true})
	}
}

// Has reports whether an item of this kind was asked for.
func (f *Fetch) Has(k FetchKind) bool {
	for _, i := range f.Items {
		if i.Kind == k {
			return true
		}
	}
	return false
}

func (p *Parser) fetchModifier(f *Fetch) {
	switch p.Keyword() {
	case "CHANGEDSINCE":
		p.SP()
		f.ChangedSince, f.HasChangedSince = p.Number64(), true
	case "VANISHED":
		f.Vanished = true
	default:
		p.fail("unknown FETCH modifier")
	}
}

// fetchName takes an item's name: an atom that ends before "[" too.
func (p *Parser) fetchName() string {
	return upper(string(p.span(func(c byte) bool { return isAtomChar(c) && c != '[' })))
}

func (p *Parser) fetchItem(f *Fetch) {
	if len(f.Items) >= maxFetchItems {
		p.fail("too many items to fetch")
		return
	}
	item := FetchItem{Peek: true}
	name := p.fetchName()
	section := p.peek() == '['
	switch {
	case section && (name == "BODY" || name == "BODY.PEEK"):
		item.Kind, item.Peek = FetchSection, name == "BODY.PEEK"
		p.section(&item)
		p.partial(&item)
	case section && (name == "BINARY" || name == "BINARY.PEEK"):
		item.Kind, item.Peek = FetchBinary, name == "BINARY.PEEK"
		p.binarySection(&item)
		p.partial(&item)
	case section && name == "BINARY.SIZE":
		item.Kind = FetchBinarySize
		p.binarySection(&item)
	case section:
		p.fail("unknown section to fetch")
		return
	default:
		item.Kind = fetchKind(name)
		item.Peek = item.Kind != FetchRFC822 && item.Kind != FetchRFC822Text
	}
	if item.Kind == 0 {
		p.fail("unknown item to fetch")
		return
	}
	f.Items = append(f.Items, item)
}

func fetchKind(name string) FetchKind {
	for k, n := range fetchNames {
		if n == "" || n != name || FetchKind(k) == FetchBinary || FetchKind(k) == FetchBinarySize {
			continue
		}
		return FetchKind(k)
	}
	return 0
}

// binarySection takes "[" part numbers "]" (RFC 3516): the decoded content of a part.
func (p *Parser) binarySection(item *FetchItem) {
	p.must('[')
	if p.peek() != ']' {
		p.path(&item.Section)
	}
	p.must(']')
}

// path takes part numbers; it reports whether a "." and no number follows.
func (p *Parser) path(s *Section) (dot bool) {
	for p.err == nil {
		n := p.Number()
		if n == 0 {
			p.fail("part numbers start at one")
			return false
		}
		if s.Path = append(s.Path, n); len(s.Path) > maxSectionDepth {
			p.fail("section is too deep")
			return false
		}
		if !p.take('.') {
			return false
		}
		if c := p.peek(); c < '0' || c > '9' {
			return true
		}
	}
	return false
}

func (p *Parser) section(item *FetchItem) {
	p.must('[')
	if p.take(']') {
		return
	}
	s := &item.Section
	if c := p.peek(); c >= '0' && c <= '9' && !p.path(s) {
		p.must(']')
		return
	}
	switch p.fetchName() {
	case "HEADER":
		s.Part = SectionHeader
	case "HEADER.FIELDS":
		s.Part = SectionHeaderFields
		p.headerFields(s)
	case "HEADER.FIELDS.NOT":
		s.Part = SectionHeaderFieldsNot
		p.headerFields(s)
	case "TEXT":
		s.Part = SectionText
	case "MIME":
		if s.Part = SectionMIME; len(s.Path) == 0 {
			p.fail("MIME needs a part number")
		}
	default:
		p.fail("unknown section")
	}
	p.must(']')
}

func (p *Parser) headerFields(s *Section) {
	p.SP()
	p.list(func() {
		if len(s.Fields) >= maxHeaderFields {
			p.fail("too many header fields")
			return
		}
		s.Fields = append(s.Fields, p.AString())
	})
	if len(s.Fields) == 0 {
		p.fail("expected a header field")
	}
}

func (p *Parser) partial(item *FetchItem) {
	if !p.take('<') {
		return
	}
	part := &Partial{Offset: p.Number()}
	p.must('.')
	if part.Length = p.Number(); part.Length == 0 {
		p.fail("a partial has at least one byte")
	}
	p.must('>')
	item.Partial = part
}

// AppendName writes the item as a FETCH response names it: BODY.PEEK as BODY, a partial with its offset only.
func (i FetchItem) AppendName(dst []byte) []byte {
	dst = append(dst, fetchNames[i.Kind]...)
	if i.Kind != FetchSection && i.Kind != FetchBinary && i.Kind != FetchBinarySize {
		return dst
	}
	dst = append(dst, '[')
	dst = i.Section.append(dst)
	dst = append(dst, ']')
	if i.Partial != nil {
		dst = append(dst, '<')
		dst = appendUint(dst, uint64(i.Partial.Offset))
		dst = append(dst, '>')
	}
	return dst
}

var sectionNames = [...]string{
	SectionHeader: "HEADER", SectionHeaderFields: "HEADER.FIELDS", SectionHeaderFieldsNot: "HEADER.FIELDS.NOT",
	SectionText: "TEXT", SectionMIME: "MIME",
}

func (s Section) append(dst []byte) []byte {
	for n, number := range s.Path {
		if n > 0 {
			dst = append(dst, '.')
		}
		dst = appendUint(dst, uint64(number))
	}
	if s.Part == SectionAll {
		return dst
	}
	if len(s.Path) > 0 {
		dst = append(dst, '.')
	}
	dst = append(dst, sectionNames[s.Part]...)
	if len(s.Fields) == 0 {
		return dst
	}
	dst = append(dst, " ("...)
	for n, f := range s.Fields {
		if n > 0 {
			dst = append(dst, ' ')
		}
		dst = AppendAString(dst, f)
	}
	return append(dst, ')')
}
