package imapd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// fold makes texts comparable: without case, and composed characters as one (RFC 9051 section 6.4.4 leaves the comparison
// to the server beyond ASCII's case).
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.ToLower(norm.NFC.String(s))
		}
	}
	return strings.ToLower(s)
}

// readHeader reads the message's own header.
func readHeader(ctx context.Context, src *source) (message.Header, error) {
	sum, err := src.summary(ctx)
	if err != nil {
		return nil, err
	}
	blob, err := src.body(ctx)
	if err != nil {
		return nil, err
	}
	block := make([]byte, min(sum.HeaderSize(), maxHeaderRead))
	if _, err := io.ReadFull(io.NewSectionReader(blob, sum.Root.HeaderStart, int64(len(block))), block); err != nil {
		return nil, fmt.Errorf("read a header: %w", err)
	}
	header, _ := message.ParseHeader(block) // what is beyond its bounds is not searched
	return header, nil
}

// smallMessage is up to where a message is searched in memory as a whole.
const smallMessage = 256 << 10

// text answers BODY and TEXT: in the text parts, decoded; for TEXT in the header too.
func (m *matcher) text(ctx context.Context, k imap.SearchKey, src *source) (bool, error) {
	if k.Text == "" {
		return true, nil
	}
	sum, err := src.summary(ctx)
	if err != nil {
		return false, err
	}
	blob, err := src.body(ctx)
	if err != nil {
		return false, err
	}
	whole, err := m.load(blob)
	if err != nil {
		return false, err
	}
	if k.Op == imap.SeText {
		if ok, err := m.anyField(ctx, k, src, whole); ok || err != nil {
			return ok, err
		}
	}
	var hit bool
	sum.Root.Walk(func(p *message.Part) bool {
		if p.Type == "text" && !p.IsMultipart() {
			hit, err = m.part(ctx, k.Text, blob, whole, p)
		}
		return !hit && err == nil
	})
	return hit, err
}

// load reads a small message as a whole; of a larger one it gives nothing. The bytes are good until the next call.
func (m *matcher) load(blob store.Blob) ([]byte, error) {
	size := blob.Size()
	if size > smallMessage {
		return nil, nil
	}
	m.whole = slices.Grow(m.whole[:0], int(size))[:size]
	if n, err := blob.ReadAt(m.whole, 0); n < len(m.whole) {
		return nil, fmt.Errorf("read a message to search: %w", err)
	}
	return m.whole, nil
}

// anyField answers TEXT for the header.
func (m *matcher) anyField(ctx context.Context, k imap.SearchKey, src *source, whole []byte) (bool, error) {
	from, to := src.sum.Root.HeaderStart, src.sum.Root.BodyStart
	if to <= int64(len(whole)) && from <= to && !m.probe(k).mayBeInHeader(whole[from:to]) {
		return false, nil
	}
	header, err := readHeader(ctx, src)
	if err != nil {
		return false, err
	}
	for _, f := range header {
		if strings.Contains(fold(f.Name()+": "+message.DecodeText(f.Value())), k.Text) {
			return true, nil
		}
	}
	return false, nil
}

// part looks into one text part, where that is possible without decoding it.
func (m *matcher) part(ctx context.Context, text string, blob store.Blob, whole []byte, p *message.Part) (bool, error) {
	limit := m.srv.Limits.MaxSearchBytes
	if p.End <= int64(len(whole)) && p.BodyStart <= p.End && plain(p) {
		raw := whole[p.BodyStart:p.End]
		var ascii bool
		if m.lower, ascii = appendLower(m.lower[:0], raw[:min(int64(len(raw)), limit)]); ascii {
			return bytes.Contains(m.lower, []byte(text)), nil
		}
	}
	body := io.NewSectionReader(blob, p.BodyStart, p.Size())
	return m.contains(ctx, io.LimitReader(p.Content(body), limit), text)
}

// plain reports whether a part's bytes are what it says, as long as they are ASCII.
func plain(p *message.Part) bool {
	switch p.Encoding {
	case "", "7bit", "8bit", "binary":
	default:
		return false
	}
	charset := strings.ToLower(p.Charset())
	switch charset {
	case "", "utf-8", "us-ascii":
		return true
	}
	return strings.HasPrefix(charset, "iso-8859-") || strings.HasPrefix(charset, "windows-125")
}

// contains looks for a folded needle in UTF-8 text, piece by piece. The pieces overlap by what a match can reach over
// their border; they end between lines where there are some, so that folding does not cut a composed character.
func (m *matcher) contains(ctx context.Context, r io.Reader, needle string) (bool, error) {
	const piece = 32 << 10
	buf := slices.Grow(m.piece[:0], piece+4*len(needle)+utf8.UTFMax)
	m.piece = buf
	for {
		// One message can hold very much text, and a search very many keys.
		if err := errors.Join(ctx.Err(), m.stillThere()); err != nil {
			return false, err
		}
		var end, hit bool
		var err error
		m.inTurn(func() {
			var n int
			n, err = io.ReadFull(r, buf[len(buf):min(len(buf)+piece, cap(buf))])
			buf = buf[:len(buf)+n]
			m.looked += int64(n)
			end = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
			hit = (err == nil || end) && m.inPiece(buf, needle)
		})
		if err != nil && !end {
			return false, fmt.Errorf("read a text to search: %w", err)
		}
		if hit {
			return true, nil
		}
		if end {
			return false, nil
		}
		keep := min(4*len(needle)+utf8.UTFMax, len(buf))
		for keep < len(buf) && !utf8.RuneStart(buf[len(buf)-keep]) {
			keep++
		}
		buf = buf[:copy(buf, buf[len(buf)-keep:])]
	}
}

// freeSearch is how much text a search reads in pieces before it is work that waits for its turn.
const freeSearch = 4 << 20

// inTurn looks into one piece of a long text: of a long search when it is the account's turn.
func (m *matcher) inTurn(look func()) {
	if m.looked < freeSearch {
		look()
		return
	}
	m.srv.Work.Do(m.worker, look)
}

func (m *matcher) inPiece(b []byte, needle string) bool {
	var ascii bool
	if m.lower, ascii = appendLower(m.lower[:0], b); ascii {
		return bytes.Contains(m.lower, []byte(needle))
	}
	return strings.Contains(fold(string(b)), needle)
}
