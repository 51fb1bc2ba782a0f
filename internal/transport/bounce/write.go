package bounce

import (
	"fmt"
	"io"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// write writes the notice (RFC 6522, RFC 3834).
func (nt *notice) write(w io.Writer) error {
	enc := message.HeaderASCII
	if nt.utf8 {
		enc = message.HeaderUTF8
	}
	now := nt.bn.o.Clock.Now()
	host := string(nt.bn.o.Hostname)
	to := nt.n.Message.From
	c := message.NewComposer(w, enc)
	c.Addresses("From", message.Address{Name: nt.say(text.BounceSender), Local: "mailer-daemon", Domain: host})
	c.Addresses("To", message.Address{Local: to.Local, Domain: string(to.Domain)})
	c.Text("Subject", nt.subject())
	c.Date(now)
	c.Field("Message-ID", fmt.Sprintf("<%s@%s>", mail.NewID(now), host))
	if ids := message.ParseMessageIDs(nt.orig.header.Get("Message-ID")); len(ids) > 0 {
		c.Field("In-Reply-To", ids[0])
		c.Field("References", ids[0])
	}
	c.Field("Auto-Submitted", "auto-replied")
	c.Field("Content-Language", nt.langs[0].Tag()+", "+nt.langs[1].Tag())
	m := c.Multipart("report", message.Param{Name: "report-type", Value: nt.statusType()})
	if err := nt.words(m); err != nil {
		return err
	}
	if err := nt.status(m); err != nil {
		return err
	}
	if err := nt.giveBack(m); err != nil {
		return err
	}
	return m.Close()
}

// say says something in the author's language.
func (nt *notice) say(k text.Key, args ...any) string { return text.Say(nt.langs[0], k, args...) }

func (nt *notice) subject() string {
	k := text.BounceDeliveredSubject
	switch nt.kind {
	case queue.ActionFailed:
		k = text.BounceFailedSubject
	case queue.ActionDelayed:
		k = text.BounceDelayedSubject
	}
	return nt.say(k, nt.originalSubject(nt.langs[0]))
}

// originalSubject is the message's subject for people, bounded.
func (nt *notice) originalSubject(lang text.Lang) string {
	s := strings.TrimSpace(message.DecodeText(nt.orig.header.Get("Subject")))
	if s == "" {
		return text.Say(lang, text.BounceNoSubject)
	}
	const most = 200
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

// words writes the first part.
func (nt *notice) words(m *message.Multipart) error {
	w := m.Part(message.Leaf{Type: "text/plain", Params: message.Params{{Name: "charset", Value: "utf-8"}},
		Encoding: "quoted-printable", Disposition: "inline"})
	if _, err := io.WriteString(w, nt.plain()); err != nil {
		return err
	}
	return w.Close()
}

// giveBack writes the third part: the message or its header.
func (nt *notice) giveBack(m *message.Multipart) error {
	if nt.orig.blob == nil {
		return nil
	}
	leaf := message.Leaf{Type: "text/rfc822-headers"}
	switch {
	case nt.full && nt.utf8:
		leaf.Type = "message/global"
	case nt.full:
		leaf.Type = "message/rfc822"
	case nt.utf8:
		leaf.Type = "message/global-headers"
	}
	if nt.full && nt.n.Message.Body == mail.Body8Bit || !nt.full && has8Bit(nt.orig.header) {
		leaf.Encoding = "8bit"
	}
	w := m.Part(leaf)
	var err error
	if nt.full {
		_, err = io.Copy(w, io.NewSectionReader(nt.orig.body, 0, nt.orig.body.Size()))
	} else {
		_, err = w.Write(nt.orig.header.AppendTo(nil))
	}
	if err != nil {
		return fmt.Errorf("give the message back: %w", err)
	}
	return w.Close()
}

func has8Bit(h message.Header) bool {
	for _, f := range h {
		for _, c := range f.Raw {
			if c >= 0x80 {
				return true
			}
		}
	}
	return false
}
