package imapd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

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

// text answers BODY and TEXT: in the text parts, decoded; for TEXT in the header too.
func (m *matcher) text(ctx context.Context, k imap.SearchKey, src *source) (bool, error) {
	if k.Text == "" {
		return true, nil
	}
	if k.Op == imap.SeText {
		header, err := readHeader(ctx, src)
		if err != nil {
			return false, err
		}
		for _, f := range header {
			if strings.Contains(fold(f.Name()+": "+message.DecodeText(f.Value())), k.Text) {
				return true, nil
			}
		}
	}
	sum, err := src.summary(ctx)
	if err != nil {
		return false, err
	}
	blob, err := src.body(ctx)
	if err != nil {
		return false, err
	}
	var hit bool
	sum.Root.Walk(func(p *message.Part) bool {
		if p.Type != "text" || p.IsMultipart() {
			return true
		}
		body := io.NewSectionReader(blob, p.BodyStart, p.Size())
		hit, err = contains(io.LimitReader(p.Content(body), m.srv.Limits.MaxSearchBytes), k.Text)
		return !hit && err == nil
	})
	return hit, err
}

// contains looks for a folded needle in UTF-8 text, piece by piece. The pieces overlap by what a match can reach over
// their border; they end between lines where there are some, so that folding does not cut a composed character.
func contains(r io.Reader, needle string) (bool, error) {
	const piece = 32 << 10
	buf := make([]byte, 0, piece+4*len(needle)+utf8.UTFMax)
	for {
		n, err := io.ReadFull(r, buf[len(buf):min(len(buf)+piece, cap(buf))])
		buf = buf[:len(buf)+n]
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return false, fmt.Errorf("read a text to search: %w", err)
		}
		if strings.Contains(fold(string(buf)), needle) {
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
