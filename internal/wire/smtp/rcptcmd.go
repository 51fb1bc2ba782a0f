package smtp

import (
	"strconv"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// ParseRcpt reads RCPT's arguments: "TO:<path> parameters". Ext is what was offered to this client, without SMTPUTF8 if
// MAIL did not ask for it (RFC 6531 section 3.5). <Postmaster> alone is the one at self (RFC 5321 section 4.1.1.3).
func ParseRcpt(args []byte, ext Extensions, self mail.Domain) (mail.Recipient, error) {
	s, ok := cutPrefixFold(string(args), "TO:")
	if !ok {
		return mail.Recipient{}, syntax("RCPT must be followed by TO:<address>")
	}
	path, rest, err := splitPath(s)
	if err != nil {
		return mail.Recipient{}, err
	}
	var r mail.Recipient
	if strings.EqualFold(path, "postmaster") {
		r.Address = mail.Address{Local: path, Domain: self}
	} else if r.Address, err = parsePath(path, ext); err != nil {
		return mail.Recipient{}, err
	}
	err = eachParam(rest, func(k, v string, hasValue bool) error {
		switch {
		case k != "NOTIFY" && k != "ORCPT", !ext.Has(DSN):
			return unsupported(k)
		case k == "NOTIFY" && hasValue && parseNotify(v, &r), k == "ORCPT" && hasValue && parseOriginal(v, &r):
			return nil
		}
		return badValue(k)
	})
	if err != nil {
		return mail.Recipient{}, err
	}
	return r, nil
}

var notifyWords = [...]struct {
	flag mail.Notify
	word string
}{{mail.NotifySuccess, "SUCCESS"}, {mail.NotifyFailure, "FAILURE"}, {mail.NotifyDelay, "DELAY"}}

// parseNotify reads NEVER, or a list of the others (RFC 3461 section 4.1).
func parseNotify(v string, r *mail.Recipient) bool {
	if strings.EqualFold(v, "NEVER") {
		r.Notify = mail.NotifyNever
		return true
	}
	for word := range strings.SplitSeq(v, ",") {
		flag := mail.Notify(0)
		for _, n := range notifyWords {
			if strings.EqualFold(word, n.word) {
				flag = n.flag
			}
		}
		if flag == 0 {
			return false
		}
		r.Notify |= flag
	}
	return true
}

// maxOriginal is the longest ORCPT value, encoded (RFC 3461 section 4.2).
const maxOriginal = 500

// parseOriginal reads addr-type;xtext (RFC 3461 section 4.2), or utf-8;… in the forms of RFC 6533 section 3.
func parseOriginal(v string, r *mail.Recipient) bool {
	kind, addr, ok := strings.Cut(v, ";")
	kind = strings.ToLower(kind)
	if !ok || len(v) > maxOriginal || !validKeyword(strings.ToUpper(kind)) {
		return false
	}
	if kind == "utf-8" {
		addr, ok = decodeUTF8Xtext(addr)
	} else {
		addr, ok = DecodeXtext(addr)
	}
	if !ok || addr == "" || !printable(addr) {
		return false
	}
	r.OriginalType, r.Original = kind, addr
	return true
}

// AppendRcpt writes a RCPT command with the parameters that the other side offers, without CRLF.
func AppendRcpt(dst []byte, r *mail.Recipient, ext Extensions) []byte {
	dst = append(dst, "RCPT TO:<"...)
	dst = append(dst, r.Address.String()...)
	dst = append(dst, '>')
	if !ext.Has(DSN) {
		return dst
	}
	if r.Notify != 0 {
		dst = appendNotify(append(dst, " NOTIFY="...), r.Notify)
	}
	if r.Original == "" {
		return dst
	}
	dst = append(dst, " ORCPT="...)
	dst = append(dst, r.OriginalType...)
	dst = append(dst, ';')
	if r.OriginalType == "utf-8" {
		return appendUTF8Xtext(dst, r.Original, ext)
	}
	return AppendXtext(dst, r.Original)
}

func appendNotify(dst []byte, n mail.Notify) []byte {
	if n&mail.NotifyNever != 0 {
		return append(dst, "NEVER"...)
	}
	first := true
	for _, w := range notifyWords {
		if n&w.flag == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, w.word...)
	}
	return dst
}

func appendNumber(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
