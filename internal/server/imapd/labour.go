package imapd

import (
	"io"
	"time"

	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// Decoding and searching is work that clients can ask for without end. It is done in pieces, in turn with other accounts'
// (limit.Work), however many connections an account does it on. Between two pieces it is seen whether there is still somebody to do it for.

const (
	// decodePiece is how much is decoded at a time: some milliseconds' work at most.
	decodePiece = 256 << 10
	// stillWorking is how long a client waits for a command before it is told that the command goes on. By that it is also seen that he
	// has left: what is sent to who has closed his connection is answered with a reset.
	stillWorking = 5 * time.Second
)

// labour is what the running command has cost.
type labour struct {
	heard   time.Time // when the client was last looked for
	written int64     // how much had been written to him by then
	vain    int64     // bytes decoded that were not sent
}

// swallow reads up to most bytes of what is decoded, in pieces, and tells how many there were. The client must be between two responses.
func (s *session) swallow(r io.Reader, most int64) (n int64, err error) {
	for n < most && err == nil {
		var k int64
		s.srv.Work.Do(s.worker, func() { k, err = io.CopyN(io.Discard, r, min(decodePiece, most-n)) })
		n += k
		if s.labour.vain += k; s.labour.vain > s.srv.Limits.MaxDecoded {
			return n, no("LIMIT", "this takes too much decoding, please fetch fewer messages at a time")
		}
		if gone := s.stillThere(); gone != nil {
			return n, gone
		}
	}
	if err == io.EOF { //nolint:errorlint // io.CopyN's own
		err = nil
	}
	return n, err
}

// stillThere fails if the client has left. Now and then it sends him what there is, or tells him that he is not forgotten. It may be called
// between two responses only.
func (s *session) stillThere() error {
	now := s.srv.Clock.Now()
	if now.Sub(s.labour.heard) < stillWorking {
		return s.broken()
	}
	if s.w.Written() == s.labour.written {
		s.w.Reply("*", imap.OK, "", "still working")
	}
	s.labour.heard, s.labour.written = now, s.w.Written()
	if err := s.flush(); err != nil {
		return &lost{err}
	}
	return s.broken()
}

// inTurns is a reader whose reading is work.
type inTurns struct {
	s *session
	r io.Reader
}

// Read implements io.Reader.
func (t inTurns) Read(p []byte) (n int, err error) {
	t.s.srv.Work.Do(t.s.worker, func() { n, err = t.r.Read(p) })
	return n, err
}
