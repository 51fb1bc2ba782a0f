package crash

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// letter is a message that was sent: what the server must still know about it.
type letter struct {
	token  string
	local  []string // recipients here
	remote []string // recipients at the sink
	digest [32]byte
	// id is the server's, from its 250; empty if the 250 did not come, and then the letter may be there or not.
	id string
}

// ledger is all letters sent, over all lives of the server.
type ledger struct {
	mu      sync.Mutex // guards letters
	letters map[string]*letter
}

func newLedger() *ledger { return &ledger{letters: map[string]*letter{}} }

func (l *ledger) sent(x *letter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.letters[x.token] = x
}

func (l *ledger) accepted(x *letter, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x.id = id
}

// write makes a letter and its text. Most are small, some larger than what travels in one row of the store.
func write(r *rand.Rand, token string, people, outside []string) (*letter, []byte) {
	x := &letter{token: token}
	for _, p := range people {
		if r.IntN(2) == 0 {
			x.local = append(x.local, p)
		}
	}
	if r.IntN(2) == 0 || len(x.local) == 0 {
		x.remote = append(x.remote, outside[r.IntN(len(outside))])
	}
	size := 200 + r.IntN(6000)
	if r.IntN(25) == 0 {
		size = 150_000 + r.IntN(300_000)
	}
	var body bytes.Buffer
	for body.Len() < size {
		fmt.Fprintf(&body, "%016x %016x grüße %d\r\n", r.Uint64(), r.Uint64(), r.IntN(100))
		if r.IntN(20) == 0 {
			body.WriteString(".\r\n..eine Zeile mit Punkten\r\n")
		}
	}
	x.digest = sha256.Sum256(body.Bytes())
	var text bytes.Buffer
	fmt.Fprintf(&text, "From: <%s>\r\nTo: undisclosed-recipients:;\r\nSubject: %s\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"+
		"Message-ID: <%s@load.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Content-Transfer-Encoding: 8bit\r\n\r\n", sender, token, token)
	text.Write(body.Bytes())
	return x, text.Bytes()
}

// read takes a message apart again.
func read(message []byte) (token string, digest [32]byte, err error) {
	header, body, ok := bytes.Cut(message, []byte("\r\n\r\n"))
	if !ok {
		return "", digest, fmt.Errorf("a message without a body: %.80q", message)
	}
	_, rest, ok := strings.Cut(string(header), "Message-ID: <")
	if !ok {
		return "", digest, fmt.Errorf("a message without its Message-ID: %.80q", message)
	}
	token, _, _ = strings.Cut(rest, "@")
	return token, sha256.Sum256(body), nil
}
