package smtp

import (
	"math"
	"strings"
)

// Hello is what a server says of itself in its answer to EHLO (RFC 5321 section 4.1.1.1).
type Hello struct {
	Name string // the server's domain, the first word
	Ext  Extensions
	// Params of the extensions that have some.
	MaxSize   int64    // SIZE; 0 for no fixed limit
	Auth      []string // mechanisms, in upper case
	MailMax   int      // LIMITS: messages in one session; 0 for not said
	RcptMax   int      // LIMITS: recipients of one message; 0 for not said
	DomainMax int      // LIMITS: recipient domains of one message; 0 for not said
	HoldMax   int64    // FUTURERELEASE: longest hold, in seconds
	HoldLast  string   // FUTURERELEASE: last date and time, RFC 3339
}

// ReadHello understands a positive reply to EHLO. Unknown keywords and malformed parameters are passed over: the other side may be
// newer than we are. For a reply to HELO it gives the name only.
func ReadHello(r Reply) Hello {
	var h Hello
	if r.Code != 250 || len(r.Lines) == 0 {
		return h
	}
	h.Name, _, _ = strings.Cut(r.Lines[0], " ")
	for _, l := range r.Lines[1:] {
		f := strings.Fields(l)
		if len(f) > 0 {
			h.keyword(strings.ToUpper(f[0]), f[1:])
		}
	}
	return h
}

func (h *Hello) keyword(name string, params []string) {
	// "AUTH=LOGIN" is how it was written before RFC 2554; some still do, beside the right one.
	if rest, ok := strings.CutPrefix(name, "AUTH="); ok {
		name, params = "AUTH", append([]string{rest}, params...)
	}
	for _, k := range keywords {
		if k.name == name {
			h.Ext |= k.ext
		}
	}
	switch name {
	case "SIZE":
		if len(params) > 0 {
			h.MaxSize, _ = parseNumber(params[0], 18)
		}
	case "AUTH":
		h.addAuth(params)
	case "LIMITS":
		h.limits(params)
	case "FUTURERELEASE":
		if len(params) > 0 {
			h.HoldMax, _ = parseNumber(params[0], 9)
		}
		if len(params) > 1 {
			h.HoldLast = params[1]
		}
	}
}

func (h *Hello) addAuth(names []string) {
	for _, n := range names {
		n = strings.ToUpper(n)
		known := false
		for _, a := range h.Auth {
			known = known || a == n
		}
		if !known {
			h.Auth = append(h.Auth, n)
		}
	}
}

func (h *Hello) limits(params []string) {
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		n64, ok := parseNumber(value, 10)
		if !ok || n64 == 0 {
			continue
		}
		n := int(min(n64, math.MaxInt32))
		switch strings.ToUpper(name) {
		case "MAILMAX":
			h.MailMax = n
		case "RCPTMAX":
			h.RcptMax = n
		case "RCPTDOMAINMAX":
			h.DomainMax = n
		}
	}
}

// Reply is the answer to EHLO that says this. Greeting follows the name in its first line.
func (h Hello) Reply(greeting string) Reply {
	lines := make([]string, 1, 1+len(keywords))
	lines[0] = h.Name + " " + greeting
	for _, k := range keywords {
		if h.Ext.Has(k.ext) {
			lines = append(lines, k.name+string(h.appendParams(nil, k.ext)))
		}
	}
	return Reply{Code: 250, Lines: lines}
}

func (h Hello) appendParams(b []byte, ext Extensions) []byte {
	switch ext {
	case Size:
		if h.MaxSize > 0 {
			b = appendNumber(append(b, ' '), h.MaxSize)
		}
	case Auth:
		for _, a := range h.Auth {
			b = append(append(b, ' '), a...)
		}
	case Limits:
		b = appendLimit(b, "MAILMAX", h.MailMax)
		b = appendLimit(b, "RCPTMAX", h.RcptMax)
		b = appendLimit(b, "RCPTDOMAINMAX", h.DomainMax)
	case FutureRelease:
		b = appendNumber(append(b, ' '), h.HoldMax)
		b = append(append(b, ' '), h.HoldLast...)
	}
	return b
}

func appendLimit(b []byte, name string, n int) []byte {
	if n == 0 {
		return b
	}
	return appendNumber(append(append(append(b, ' '), name...), '='), int64(n))
}
