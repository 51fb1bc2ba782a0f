package witness

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
)

const mark = "X-Witness: "

// letter is a message that was sent or appended.
type letter struct {
	token  string
	local  []*account
	remote []string
	digest [sha256.Size]byte
	acked  bool // the client was told that it is accepted
	// dropped: it was never acknowledged, its life is over and it is not there, so it must not come back.
	dropped bool
	owed    owed // whether the sink must get it

	begun, ended int             // when it was begun and when it was accepted, by Witness.tick
	id           string          // what the server called it when it accepted it
	heard        bool            // its story was told
	final        map[string]bool // the recipients elsewhere of whom the server told that it was handed over
}

// owed says what the sink must come to have of a letter.
type owed int

const (
	perhaps owed = iota
	surely
	never
)

// compose writes a letter's text. Most are small, some larger than what a store keeps in one row.
func compose(r *rand.Rand, token, from string) []byte {
	size := 200 + r.IntN(5000)
	if r.IntN(40) == 0 {
		size = 150_000 + r.IntN(200_000)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, mark+"%s\r\nFrom: <%s>\r\nTo: undisclosed-recipients:;\r\nSubject: %s\r\n"+
		"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%s@load.test>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", token, from, token, token)
	for b.Len() < size {
		fmt.Fprintf(&b, "%016x %016x grüße %d\r\n", r.Uint64(), r.Uint64(), r.IntN(100))
		if r.IntN(20) == 0 {
			b.WriteString(".\r\n..eine Zeile mit Punkten\r\n")
		}
	}
	return b.Bytes()
}

// read takes a message apart again. What servers put before the letter's own first field does not count.
func read(message []byte) (token string, digest [sha256.Size]byte, err error) {
	at := bytes.Index(message, []byte(mark))
	if at < 0 {
		return "", digest, fmt.Errorf("a message without its mark: %.80q", message)
	}
	own := message[at:]
	line, _, _ := bytes.Cut(own[len(mark):], []byte("\r\n"))
	return string(line), sha256.Sum256(own), nil
}
