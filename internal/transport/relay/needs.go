package relay

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// content is the message's bytes, as they are sent if the server takes them so.
func (d *delivery) content() *io.SectionReader {
	m := d.job.Message
	return io.NewSectionReader(d.blob, m.Skip, d.blob.Size()-m.Skip)
}

// envelope is the one for this server, or the result for all recipients if the server cannot take the message.
func (d *delivery) envelope(s *session) (*mail.Envelope, *queue.Result, error) {
	m := d.job.Message
	env := &mail.Envelope{
		From: m.From, Body: m.Body, UTF8: m.UTF8, Size: d.blob.Size() - m.Skip, EnvID: m.EnvID, Return: m.Return,
		RequireTLS: m.RequireTLS,
	}
	ext := s.hello.Ext
	refuse := func(k mail.Kind, words string) (*mail.Envelope, *queue.Result, error) {
		res := s.own(k, words)
		return nil, &res, nil
	}
	if m.RequireTLS && !s.lmtp {
		if res := d.lacksTLS(s); res != nil {
			return nil, res, nil
		}
	}
	if limit := s.hello.MaxSize; limit > 0 && env.Size > limit {
		return refuse(mail.KindTooLarge, fmt.Sprintf("the message is too large for the server %s (%d > %d bytes)", s.host.Name, env.Size, limit))
	}
	d.seven = nil
	if env.Body == mail.BodyBinary && !ext.Has(smtp.BinaryMIME|smtp.Chunking) {
		if res, err := d.convert(s, env, "the server "+s.host.Name+" does not take binary content (BINARYMIME)"); res != nil || err != nil {
			return nil, res, err
		}
	}
	needUTF8, need8bit := false, false
	if m.UTF8 && !ext.Has(smtp.SMTPUTF8) || !ext.Has(smtp.EightBitMIME) {
		var err error
		if needUTF8, need8bit, err = scan(d.content(), m.UTF8); err != nil {
			return nil, nil, fmt.Errorf("read content: %w", err)
		}
	}
	if need8bit && !ext.Has(smtp.EightBitMIME) && d.seven == nil {
		if res, err := d.convert(s, env, "the server "+s.host.Name+" does not take 8-bit content (8BITMIME)"); res != nil || err != nil {
			return nil, res, err
		}
	}
	if ext.Has(smtp.SMTPUTF8) {
		env.UTF8 = env.UTF8 || m.From.NeedsUTF8() || d.anyUTF8()
		return env, nil, nil
	}
	if needUTF8 || m.From.NeedsUTF8() {
		return refuse(mail.KindNeedsUTF8, "the server "+s.host.Name+" does not take internationalised mail (SMTPUTF8)")
	}
	env.UTF8 = false
	return env, nil, nil
}

// convert makes the content 7-bit for this server, or gives the result if that cannot be. A signature that covers the body (DKIM) does not
// hold any more then; the other choice would be to send nothing.
func (d *delivery) convert(s *session, env *mail.Envelope, why string) (*queue.Result, error) {
	l := keepAll
	if d.job.Message.From.IsNull() {
		l = mayLose
	}
	seven, err := makeSevenBit(d.content(), l)
	switch {
	case errors.Is(err, errSigned):
		why += ", and a signed message cannot be changed"
		fallthrough
	case errors.Is(err, errOpaque), errors.Is(err, message.ErrHeaderTooLarge):
		res := s.own(mail.KindNeeds8Bit, why)
		return &res, nil
	case err != nil:
		return nil, err
	}
	if limit := s.hello.MaxSize; limit > 0 && seven.size > limit {
		res := s.own(mail.KindTooLarge, fmt.Sprintf("the message is too large for the server %s (%d > %d bytes)", s.host.Name, seven.size, limit))
		return &res, nil
	}
	d.seven, env.Body, env.Size = seven, mail.Body7Bit, seven.size
	return nil, nil
}

// lacksTLS is the result if a message that asks for TLS all the way may not go over this connection (RFC 8689 section 4.2.1); nil if it
// may. Only TLS that is there and failed may be there again later.
func (d *delivery) lacksTLS(s *session) *queue.Result {
	var words string
	switch {
	case s.tlsWords == "" && s.hello.Ext.Has(smtp.StartTLS):
		res := s.result(queue.Deferred, "TLS is required for this message and could not be started with "+s.host.Name)
		res.Enhanced = "4.7.30"
		return &res
	case s.tlsWords == "":
		words = "TLS is required for this message, and the server " + s.host.Name + " does not offer it"
	case s.policy != journey.PolicyVerified:
		words = "TLS is required for this message, and the server " + s.host.Name + " has no valid certificate in its name"
	case !s.hello.Ext.Has(smtp.RequireTLS):
		words = "TLS is required for this message, and the server " + s.host.Name + " does not promise it (REQUIRETLS)"
	case d.route.Smarthost == nil && !d.route.Secure:
		words = "TLS is required for this message, and the DNS does not prove that " + s.host.Name + " is the right server (DNSSEC)"
	default:
		return nil
	}
	res := s.own(mail.KindNeedsTLS, words)
	return &res
}

func (d *delivery) anyUTF8() bool {
	for _, i := range d.pending {
		if d.job.Recipients[i].Address.NeedsUTF8() {
			return true
		}
	}
	return false
}

// scan looks for octets outside of ASCII: in the header of a message that was submitted with SMTPUTF8 they need SMTPUTF8, and
// anywhere 8BITMIME.
func scan(r io.Reader, asUTF8 bool) (needUTF8, need8bit bool, err error) {
	buf := make([]byte, 32<<10)
	inHeader := true
	var tail []byte
	for {
		n, err := io.ReadFull(r, buf)
		piece := buf[:n]
		head := 0
		if inHeader {
			joined := append(tail, piece...)
			if end := bytes.Index(joined, []byte("\r\n\r\n")); end >= 0 {
				inHeader = false
				head = max(end-len(tail), 0)
			} else {
				head = n
				tail = append([]byte(nil), joined[max(len(joined)-3, 0):]...)
			}
		}
		needUTF8 = needUTF8 || asUTF8 && high(piece[:head])
		need8bit = need8bit || high(piece)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return needUTF8, need8bit, nil
		}
		if err != nil {
			return false, false, err
		}
	}
}

func high(p []byte) bool {
	for _, c := range p {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
