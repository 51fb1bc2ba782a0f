package intake

import (
	"crypto/tls"
	"net/netip"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Source is where a message comes from.
type Source struct {
	Protocol obs.Proto
	Remote   netip.AddrPort // the client; invalid for this machine's command line
	Helo     string         // as the client said it
	Extended bool           // it greeted with EHLO (LHLO), not HELO
	// ReverseName is the client's name in the DNS, if it was looked up.
	ReverseName string
	TLS         *tls.ConnectionState // nil without TLS
	Account     mail.AccountID       // the login's; zero without one
	Login       string
	// Trusted says that the client is in a network listed as ours: it may send anywhere without a login.
	Trusted bool
}

// mayRelay reports whether the client may send to other servers through us.
func (s *Source) mayRelay() bool {
	return !s.Account.IsZero() || s.Trusted || s.Protocol == obs.ProtoLocal || s.Protocol == obs.ProtoNotice
}

// submits reports whether the message is its author's: then it is completed, and only with the author's own addresses.
func (s *Source) submits() bool { return !s.Account.IsZero() }

// key is whom work on the message is done for.
func (s *Source) key() limit.Key {
	if s.Login != "" {
		return limit.ByName(s.Login)
	}
	return limit.ByAddress(s.Remote.Addr())
}

// with is the protocol in a Received field (RFC 3848, RFC 6531 section 4.3).
func (s *Source) with(env *mail.Envelope) string {
	name := "SMTP"
	switch {
	case s.Protocol == obs.ProtoLMTP:
		name = "LMTP"
	case s.Protocol != obs.ProtoSMTP && s.Protocol != obs.ProtoSubmission:
		return ""
	case !env.UTF8 && (s.Extended || s.TLS != nil || !s.Account.IsZero()):
		name = "ESMTP"
	}
	if env.UTF8 {
		name = "UTF8" + name
	}
	if s.TLS != nil {
		name += "S"
	}
	if !s.Account.IsZero() {
		name += "A"
	}
	return name
}

// tlsText is the connection's encryption for people: "TLS 1.3, TLS_AES_128_GCM_SHA256"; empty without.
func (s *Source) tlsText() string {
	if s.TLS == nil {
		return ""
	}
	return tls.VersionName(s.TLS.Version) + ", " + tls.CipherSuiteName(s.TLS.CipherSuite)
}

// session is the source in the mail log's words.
func (s *Source) session() obs.Session {
	out := obs.Session{Proto: s.Protocol, Peer: s.Remote.Addr(), Account: s.Login}
	if s.TLS != nil {
		out.TLS = s.TLS.Version
	}
	return out
}

// traceWord makes what a stranger says, or the DNS says of him, fit for a Received field.
func traceWord(s string) string {
	const most = 255
	if len(s) <= most && plainWord(s) {
		return s
	}
	clean := strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("()<>;\"\\", r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(s, "_"))
	if len(clean) > most {
		clean = strings.ToValidUTF8(clean[:most], "")
	}
	if clean == "" {
		return "unknown"
	}
	return clean
}

// plainWord reports whether a word needs no change: letters, digits and what else host names and address literals are made of.
func plainWord(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == ':':
		default:
			return false
		}
	}
	return s != ""
}
