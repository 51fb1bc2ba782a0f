package line

import (
	"bytes"
	"errors"
	"io"
)

// StrictReader passes content through and fails with ErrBareCR or ErrBareLF where a CR and an LF do not come together.
// It is for text that comes counted (BDAT) instead of line by line.
type StrictReader struct {
	r   io.Reader
	cr  bool // the last byte was a CR
	err error
}

// NewStrictReader reads from r.
func NewStrictReader(r io.Reader) *StrictReader { return &StrictReader{r: r} }

// Read implements io.Reader.
func (s *StrictReader) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	if n > 0 {
		if bare := s.check(p[:n]); bare != nil {
			s.err = bare
			return 0, bare
		}
	}
	if errors.Is(err, io.EOF) && s.cr {
		err = ErrBareCR
	}
	s.err = err
	return n, err
}

func (s *StrictReader) check(b []byte) error {
	lines := 0
	if s.cr {
		if b[0] != '\n' {
			return ErrBareCR
		}
		lines++
	}
	s.cr = false
	for rest := b; ; lines++ {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			break
		}
		if i+1 == len(rest) {
			s.cr = true
			break
		}
		if rest[i+1] != '\n' {
			return ErrBareCR
		}
		rest = rest[i+2:]
	}
	if bytes.Count(b, lf) != lines {
		return ErrBareLF
	}
	return nil
}
