package pebblestore

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

var errPacked = errors.New("the block is damaged")

// unpackHead unpacks a block of S2 until at least n bytes of it are there, or all, into the memory of dst if there is enough. Who wants a
// header does not pay for the letter behind it. The block is as the package s2 writes it: its whole length, and then literals and copies
// of what came before.
func unpackHead(dst, block []byte, n int) ([]byte, error) {
	size, header := binary.Uvarint(block)
	if header <= 0 || n < 0 || size > maxBatchBytes {
		return nil, errPacked
	}
	if uint64(n) >= size {
		return s2.Decode(dst[:cap(dst)], block)
	}
	out, src, offset := dst[:0], block[header:], 0
	for len(out) < n && len(src) > 0 {
		op, used := readOp(src, offset)
		if used == 0 || op.length <= 0 || uint64(op.length) > size-uint64(len(out)) {
			return nil, errPacked
		}
		src = src[used:]
		if op.literal {
			if op.length > len(src) {
				return nil, errPacked
			}
			take := min(op.length, n-len(out)) // the block may be one literal to its end
			out, src = append(out, src[:take]...), src[op.length:]
			continue
		}
		if offset = op.offset; offset <= 0 || offset > len(out) {
			return nil, errPacked
		}
		out = appendCopy(out, offset, op.length)
	}
	if len(out) < n {
		return nil, errPacked
	}
	return out, nil
}

// appendCopy repeats what stands offset bytes before the end; it may overlap with what it writes.
func appendCopy(out []byte, offset, length int) []byte {
	for length > 0 {
		from := len(out) - offset
		m := min(length, offset)
		out = append(out, out[from:from+m]...)
		length -= m
	}
	return out
}

// packedOp is one element of a block.
type packedOp struct {
	literal        bool // so many bytes follow; else they are copied
	length, offset int
}

// readOp reads an element's tag and what belongs to it. last is the offset of the copy before, which S2 can ask for again. It gives how
// long that is; 0 if src ends within it.
func readOp(src []byte, last int) (op packedOp, used int) {
	tag := src[0]
	number := func(at, size int) int { // little-endian
		v := 0
		for i := size - 1; i >= 0; i-- {
			v = v<<8 | int(src[at+i])
		}
		return v
	}
	x := int(tag >> 2)
	switch tag & 3 {
	case 0: // a literal; 60 to 63 say in how many bytes its length is
		op.literal, op.length, used = true, x+1, 1
		if x >= 60 {
			used += x - 59
			if used > len(src) {
				return op, 0
			}
			op.length = number(1, x-59) + 1
		}
		return op, used
	case 1: // 11 bits of offset; none of them: the last one
		if len(src) < 2 {
			return op, 0
		}
		op.length, op.offset, used = x&7+4, int(tag&0xe0)<<3|int(src[1]), 2
		if op.offset != 0 {
			return op, used
		}
		op.offset = last
		extra := x&7 - 4 // 5, 6, 7: a longer length in 1, 2, 3 bytes
		if extra <= 0 {
			return op, used
		}
		used += extra
		if used > len(src) {
			return op, 0
		}
		op.length = number(2, extra) + [...]int{4, 1 << 8, 1 << 16}[extra-1] + 4
		return op, used
	case 2:
		used = 3
	default:
		used = 5
	}
	if used > len(src) {
		return op, 0
	}
	op.length, op.offset = x+1, number(1, used-1)
	return op, used
}
