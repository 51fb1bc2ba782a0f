package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of a whole header in bytes. Version 1's is the specification's; version 2 has room for extensions, which are
// skipped.
const (
	MaxV1 = 107
	MaxV2 = 16 + 2048
)

const (
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
	prefixV1    = "PROXY "
)

// Header says between whom the connection is. Local means it is the proxy's own (a health check) or the proxy does not know: then the
// addresses are zero, and the connection's own are the true ones.
type Header struct {
	Local               bool
	Source, Destination netip.AddrPort
}

// ErrNoHeader means the connection does not start with a header.
var ErrNoHeader = errors.New("proxyproto: no PROXY header")

var (
	errTooLong = errors.New("proxyproto: header too long")
	errEnd     = errors.New("proxyproto: version 1 header does not end with CRLF")
	errFields  = errors.New("proxyproto: version 1 header has the wrong number of fields")
	errShort   = errors.New("proxyproto: addresses are cut short")
)

// Read reads a header and nothing behind it. It reads in small pieces, a byte at a time for version 1: that is the price of
// leaving the rest to others.
func Read(r io.Reader) (Header, error) {
	var b [MaxV2]byte
	const first = len(signatureV2) // no header of version 1 is shorter
	if _, err := io.ReadFull(r, b[:first]); err != nil {
		return Header{}, fmt.Errorf("proxyproto: read header: %w", err)
	}
	if string(b[:first]) == signatureV2 {
		return readV2(r, &b)
	}
	if string(b[:len(prefixV1)]) != prefixV1 {
		return Header{}, ErrNoHeader
	}
	n := first
	for b[n-1] != '\n' {
		if n == MaxV1 {
			return Header{}, errTooLong
		}
		if _, err := io.ReadFull(r, b[n:n+1]); err != nil {
			return Header{}, fmt.Errorf("proxyproto: read header: %w", err)
		}
		n++
	}
	return parseV1(b[:n])
}

func parseV1(b []byte) (Header, error) {
	body, ok := bytes.CutSuffix(b, []byte("\r\n"))
	if !ok {
		return Header{}, errEnd
	}
	f := strings.Split(string(body[len(prefixV1):]), " ")
	if f[0] == "UNKNOWN" { // the rest of the line must be ignored
		return Header{Local: true}, nil
	}
	if len(f) != 5 {
		return Header{}, errFields
	}
	six := f[0] == "TCP6"
	if !six && f[0] != "TCP4" {
		return Header{}, fmt.Errorf("proxyproto: unknown protocol %q", f[0])
	}
	src, err := addrPort(f[1], f[3], six)
	if err != nil {
		return Header{}, err
	}
	dst, err := addrPort(f[2], f[4], six)
	if err != nil {
		return Header{}, err
	}
	return Header{Source: src, Destination: dst}, nil
}

func addrPort(addr, port string, six bool) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil || a.Is6() != six || a.Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("proxyproto: bad address %q", addr)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || port != strconv.FormatUint(p, 10) {
		return netip.AddrPort{}, fmt.Errorf("proxyproto: bad port %q", port)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), nil
}

func readV2(r io.Reader, b *[MaxV2]byte) (Header, error) {
	const fixed = len(signatureV2) + 4
	if _, err := io.ReadFull(r, b[len(signatureV2):fixed]); err != nil {
		return Header{}, fmt.Errorf("proxyproto: read header: %w", err)
	}
	command, family := b[12], b[13]
	n := int(binary.BigEndian.Uint16(b[14:16]))
	if n > len(b)-fixed {
		return Header{}, errTooLong
	}
	rest := b[fixed : fixed+n]
	if _, err := io.ReadFull(r, rest); err != nil {
		return Header{}, fmt.Errorf("proxyproto: read addresses: %w", err)
	}
	switch command {
	case 0x20: // LOCAL: addresses must be ignored
		return Header{Local: true}, nil
	case 0x21: // PROXY
		return addressesV2(family, rest)
	}
	return Header{}, fmt.Errorf("proxyproto: unknown version or command %#02x", command)
}

func addressesV2(family byte, b []byte) (Header, error) {
	var size int
	switch family {
	case 0x11: // TCP over IPv4
		size = 4
	case 0x21: // TCP over IPv6
		size = 16
	case 0x00: // unspecified: as if LOCAL
		return Header{Local: true}, nil
	default:
		return Header{}, fmt.Errorf("proxyproto: unsupported address family %#02x", family)
	}
	if len(b) < 2*size+4 {
		return Header{}, errShort
	}
	src, _ := netip.AddrFromSlice(b[:size])
	dst, _ := netip.AddrFromSlice(b[size : 2*size])
	return Header{
		Source:      netip.AddrPortFrom(src.Unmap(), binary.BigEndian.Uint16(b[2*size:])),
		Destination: netip.AddrPortFrom(dst.Unmap(), binary.BigEndian.Uint16(b[2*size+2:])),
	}, nil
}
