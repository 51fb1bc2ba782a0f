package queue

import (
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// maxReply bounds what is kept of a server's words, in bytes.
const maxReply = 1000

// writer encodes a row: fields in a fixed order, strings with their length.
type writer []byte

func (w *writer) num(n int64) { *w = binary.AppendVarint(*w, n) }

func (w *writer) str(s string) {
	*w = binary.AppendUvarint(*w, uint64(len(s)))
	*w = append(*w, s...)
}

// time encodes to the millisecond; the zero time is 0.
func (w *writer) time(t time.Time) {
	if t.IsZero() {
		w.num(0)
		return
	}
	w.num(t.UnixMilli())
}

func (w *writer) result(r *Result) {
	*w = append(*w, byte(r.Status), bit(r.Final, flagFinal)|bit(r.NotifiesSuccess, flagNotifiesSuccess))
	w.num(int64(r.Code))
	w.str(r.Enhanced)
	w.str(Clip(r.Reply))
	w.str(r.Server)
	w.str(r.Address)
	w.str(r.TLS)
	w.str(r.Policy)
	w.num(int64(r.TLSVersion))
}

// Clip gives what is kept of a server's words: of many the beginning, without holding the memory of the rest.
func Clip(s string) string {
	if len(s) <= maxReply {
		return s
	}
	n := maxReply
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n])
}

// reader decodes a row. After the first mistake it gives zero values, and err says so.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) err() error {
	if r.bad {
		return errRow
	}
	return nil
}

func (r *reader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) num() int64 {
	n, used := binary.Varint(r.b)
	if used <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[used:]
	return n
}

func (r *reader) str() string {
	n, used := binary.Uvarint(r.b)
	if used <= 0 || n > uint64(len(r.b)-used) {
		r.bad = true
		return ""
	}
	r.b = r.b[used:]
	return string(r.take(int(n)))
}

func (r *reader) id() (id mail.ID) {
	copy(id[:], r.take(len(id)))
	return id
}

func (r *reader) time() time.Time {
	ms := r.num()
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (r *reader) address() mail.Address {
	s := r.str()
	if s == "" {
		return mail.Address{}
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		r.bad = true
	}
	return a
}

func (r *reader) result() Result {
	var out Result
	out.Status = Status(r.byte())
	flags := r.byte()
	out.Final, out.NotifiesSuccess = flags&flagFinal != 0, flags&flagNotifiesSuccess != 0
	out.Code = int(r.num())
	out.Enhanced, out.Reply, out.Server, out.Address = r.str(), r.str(), r.str(), r.str()
	out.TLS, out.Policy = r.str(), r.str()
	out.TLSVersion = uint16(r.num())
	return out
}
