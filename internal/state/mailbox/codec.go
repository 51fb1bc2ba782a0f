package mailbox

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// rowVersion is the first byte of every value.
const rowVersion byte = 1

// errRow means a row that this version cannot have written.
var errRow = errors.New("damaged row")

// enc appends to a row. Its methods return the longer row, so that one on the stack stays there.
type enc []byte

func (e enc) uint(v uint64) enc { return binary.AppendUvarint(e, v) }

func (e enc) int(v int64) enc { return binary.AppendVarint(e, v) }

func (e enc) id(id mail.ID) enc { return append(e, id[:]...) }

func (e enc) str(s string) enc { return append(binary.AppendUvarint(e, uint64(len(s))), s...) }

// dec reads a row. After the first error all reads give zero; end tells it.
type dec struct {
	b  []byte
	ok bool
}

func newDec(b []byte) dec {
	if len(b) == 0 || b[0] != rowVersion {
		return dec{}
	}
	return dec{b: b[1:], ok: true}
}

func (d *dec) fail() { d.b, d.ok = nil, false }

func (d *dec) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *dec) uint32() uint32 {
	v := d.uint()
	if v > 1<<32-1 {
		d.fail()
		return 0
	}
	return uint32(v)
}

func (d *dec) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *dec) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *dec) id() mail.ID {
	var id mail.ID
	if len(d.b) < len(id) {
		d.fail()
		return id
	}
	copy(id[:], d.b)
	d.b = d.b[len(id):]
	return id
}

func (d *dec) str(limit int) string {
	n := d.uint()
	if n > uint64(limit) || n > uint64(len(d.b)) {
		d.fail()
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// count reads the length of a list whose entries take at least size bytes each.
func (d *dec) count(size int) int {
	n := d.uint()
	if n > uint64(len(d.b)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

// end reports whether the row was read to its end without an error.
func (d *dec) end(what string) error {
	if !d.ok || len(d.b) != 0 {
		return fmt.Errorf("decode %s: %w", what, errRow)
	}
	return nil
}
