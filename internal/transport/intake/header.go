package intake

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/transport/screen"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// screen lets the checks judge.
func (t *Transaction) screen(ctx context.Context, h message.Header) (screen.Verdict, error) {
	v, err := screen.Run(ctx, t.in.o.Checks, &screen.Message{
		Protocol: t.src.Protocol, Helo: t.src.Helo, Known: t.src.known(), Hostname: t.in.o.Hostname, Envelope: &t.env, Header: h,
	})
	if err != nil {
		return v, mail.Failed(mail.KindUnavailable, "the message cannot be checked now", err)
	}
	if f := v.Fault(); f != nil {
		return v, f
	}
	return v, nil
}

// checkLoop refuses a message that comes back to an alias it left us by.
func (t *Transaction) checkLoop(h message.Header) error {
	for _, r := range t.to {
		if len(r.remotes) == 0 || !r.ours {
			continue
		}
		for _, f := range h {
			if f.Is("Delivered-To") && strings.EqualFold(f.Value(), r.given.Address.String()) {
				return mail.Refuse(mail.KindLoop, "this message was forwarded from this address before, it goes round in circles")
			}
		}
	}
	return nil
}

// complete makes the header what is stored and sent: without the fields that are not for others, and, for our own people,
// with those that are missing (RFC 6409 section 8). Own people's From and Sender must be their own addresses.
func (t *Transaction) complete(ctx context.Context, h message.Header, id mail.MessageID, now time.Time) (message.Header, error) {
	h = h.Without("Return-Path") // RFC 5321 section 4.4: only the final server may add it
	if !t.src.mayRelay() || t.src.Protocol == obs.ProtoNotice {
		return h, nil
	}
	if !t.src.Trusted {
		h = h.Without("Bcc", "Resent-Bcc") // a server in our network has decided about these itself
	}
	var account directory.Account
	if t.src.submits() {
		if err := t.checkAuthor(ctx, h); err != nil {
			return nil, err
		}
		var err error
		if account, err = t.in.o.Directory.Account(ctx, t.src.Account); err != nil {
			return nil, err
		}
	}
	if _, ok := h.First("From"); !ok {
		if from, ok := t.author(account); ok {
			h = append(message.Header{message.MakeField("From", from)}, h...)
		}
	}
	if _, ok := h.First("Date"); !ok {
		h = append(message.Header{message.MakeField("Date", message.FormatDate(now))}, h...)
	}
	if _, ok := h.First("Message-ID"); !ok {
		h = append(message.Header{message.MakeField("Message-ID", fmt.Sprintf("<%s@%s>", id, t.in.o.Hostname))}, h...)
	}
	return h, nil
}

// checkAuthor holds From and Sender to the login's own addresses.
func (t *Transaction) checkAuthor(ctx context.Context, h message.Header) error {
	for _, f := range h {
		if !f.Is("From") && !f.Is("Sender") {
			continue
		}
		found := false
		list := message.ParseAddressList(f.Value())
		if len(list) >= message.MaxAddresses || oddRoute.MatchString(f.Value()) {
			return badAuthor(f) // some program shows what we do not read
		}
		for _, a := range list {
			if a.Mark != message.MarkNone {
				continue
			}
			addr, err := a.Mail()
			if err != nil {
				return badAuthor(f)
			}
			if err := t.in.o.Directory.MaySend(ctx, t.src.Account, addr); err != nil {
				return err
			}
			found = true
		}
		if !found {
			return badAuthor(f)
		}
	}
	return nil
}

// oddRoute is a route in front of an address (RFC 5322 section 4.4) that is none: programs differ in whether it is the address.
var oddRoute = regexp.MustCompile(`<[^@<>\["][^<>\["]*:`)

func badAuthor(f message.Field) error {
	return mail.Refusef(mail.KindBadContent, "the %s field has no valid address", f.Name())
}

// author is the value of the From field a program left out.
func (t *Transaction) author(account directory.Account) (string, bool) {
	from := t.env.From
	if from.IsNull() && len(account.Addresses) > 0 {
		from = account.Addresses[0]
	}
	if from.IsNull() {
		return "", false
	}
	enc := message.HeaderASCII
	if t.env.UTF8 {
		enc = message.HeaderUTF8
	}
	a := message.Address{Name: message.EncodeText(account.Name, enc), Local: from.Local, Domain: string(from.Domain)}
	return message.Fold("From", a.String()), true
}

// trace is what we write above the header, into memory that is lent: for the final delivery whom it is from, and how it came
// (RFC 5321 section 4.4).
func (t *Transaction) trace(b []byte, id mail.MessageID, now time.Time) trace {
	b = append(append(append(b, "Return-Path: <"...), t.env.From.String()...), ">\r\n"...)
	tr := trace{skip: len(b)}
	var only *recipient
	if len(t.to) == 1 { // of several, none shall hear of the others
		only = &t.to[0]
	}
	if only != nil && only.ours && len(only.remotes) > 0 {
		b = append(append(append(b, "Delivered-To: "...), only.given.Address.String()...), "\r\n"...)
	}
	b = append(b, "Received: "...)
	b = t.appendFrom(b)
	b = append(append(b, "by "...), t.in.o.Hostname...)
	if with := t.src.with(&t.env); with != "" {
		b = append(append(b, " with "...), with...)
	}
	if tls := t.src.tlsText(); tls != "" {
		b = append(append(append(b, " ("...), tls...), ')')
	}
	b = append(append(b, "\r\n\tid "...), id.String()...)
	if only != nil && only.given.Address.Domain != "" {
		b = append(append(append(b, "\r\n\tfor <"...), only.given.Address.String()...), '>')
	}
	b = append(append(append(b, ";\r\n\t"...), message.FormatDate(now)...), "\r\n"...)
	tr.text = b
	return tr
}

// appendFrom names the client, unless there is none or it shall not be told.
func (t *Transaction) appendFrom(b []byte) []byte {
	s := &t.src
	if !s.Remote.IsValid() || t.in.o.Client == HideClient && s.submits() {
		return b
	}
	b = append(append(append(b, "from "...), traceWord(s.Helo)...), " ("...)
	if s.ReverseName != "" {
		b = append(append(b, traceWord(s.ReverseName)...), ' ')
	}
	ip := s.Remote.Addr().Unmap().WithZone("")
	b = append(b, '[')
	if ip.Is6() {
		b = append(b, "IPv6:"...)
	}
	return append(ip.AppendTo(b), "])\r\n\t"...)
}
