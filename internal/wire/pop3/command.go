package pop3

import (
	"bytes"
	"errors"
)

// Verb is a command's keyword.
type Verb uint8

// The verbs: RFC 1939, RFC 2449 (CAPA), RFC 2595 (STLS), RFC 5034 (AUTH), RFC 6856 (UTF8, LANG). APOP is not spoken: it needs passwords in
// clear text at the server.
const (
	Unknown Verb = iota
	User
	Pass
	Quit
	Stat
	List
	Retr
	Dele
	Noop
	Rset
	Top
	Uidl
	Capa
	Stls
	Auth
	UTF8
	Lang

	VerbCount
)

var verbs = map[string]Verb{
	"USER": User, "PASS": Pass, "QUIT": Quit, "STAT": Stat, "LIST": List, "RETR": Retr, "DELE": Dele, "NOOP": Noop, "RSET": Rset,
	"TOP": Top, "UIDL": Uidl, "CAPA": Capa, "STLS": Stls, "AUTH": Auth, "UTF8": UTF8, "LANG": Lang,
}

// Lengths of a command line without its CRLF. RFC 2449 section 4 allows 255 bytes with CRLF; names and passwords may be longer than
// that in practice.
const (
	MaxLine = 1024
	maxVerb = 4
)

// maxNumber bounds message numbers and counts of lines.
const maxNumber = 1<<31 - 1

// ErrArgument means an argument outside of the grammar.
var ErrArgument = errors.New("pop3: bad argument")

// ParseCommand splits a line into its keyword, in any case, and what follows the space. The argument is a part of the line.
func ParseCommand(line []byte) (Verb, []byte) {
	word, arg, _ := bytes.Cut(line, []byte{' '})
	if len(word) > maxVerb {
		return Unknown, nil
	}
	var upper [maxVerb]byte
	for i, c := range word {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	v, ok := verbs[string(upper[:len(word)])]
	if !ok {
		return Unknown, nil
	}
	return v, arg
}

// trim takes the spaces away that some clients add.
func trim(arg []byte) []byte { return bytes.Trim(arg, " ") }

// Empty fails with ErrArgument unless there is no argument.
func Empty(arg []byte) error {
	if len(trim(arg)) > 0 {
		return ErrArgument
	}
	return nil
}

// Number reads a message number, 1 or more.
func Number(arg []byte) (int, error) {
	n, err := number(trim(arg))
	if err != nil || n == 0 {
		return 0, ErrArgument
	}
	return n, nil
}

// OptionalNumber reads a message number; 0 if there is no argument.
func OptionalNumber(arg []byte) (int, error) {
	if len(trim(arg)) == 0 {
		return 0, nil
	}
	return Number(arg)
}

// NumberAndLines reads the arguments of TOP: a message number and a count of lines, 0 or more.
func NumberAndLines(arg []byte) (n, lines int, err error) {
	first, second, ok := bytes.Cut(trim(arg), []byte{' '})
	if !ok {
		return 0, 0, ErrArgument
	}
	if n, err = Number(first); err != nil {
		return 0, 0, err
	}
	lines, err = number(trim(second))
	return n, lines, err
}

func number(digits []byte) (int, error) {
	if len(digits) == 0 || len(digits) > 10 {
		return 0, ErrArgument
	}
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, ErrArgument
		}
		n = 10*n + int(c-'0')
	}
	if n > maxNumber {
		return 0, ErrArgument
	}
	return n, nil
}

// Words splits an argument into its words, at most limit of them.
func Words(arg []byte, limit int) ([][]byte, error) {
	w := bytes.Fields(arg)
	if len(w) > limit {
		return nil, ErrArgument
	}
	return w, nil
}
