package demo

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// letter is a message as its author means it.
type letter struct {
	from       person
	to         []mail.Address
	subject    string
	text       string
	attachment []byte // nil for none
	filename   string
	inReplyTo  string // a Message-ID with its angle brackets
}

// compose writes the message as a mail program does. The server adds what is missing: a Message-ID.
func (l *letter) compose() ([]byte, error) {
	var out bytes.Buffer
	c := message.NewComposer(&out, message.HeaderASCII)
	c.Date(time.Now())
	c.Addresses("From", field(l.from.name, l.from.address))
	to := make([]message.Address, len(l.to))
	for i, a := range l.to {
		to[i] = field("", a)
	}
	c.Addresses("To", to...)
	c.Text("Subject", l.subject)
	if l.inReplyTo != "" {
		c.Field("In-Reply-To", l.inReplyTo)
		c.Field("References", l.inReplyTo)
	}
	plain := message.Leaf{Type: "text/plain", Params: message.Params{{Name: "charset", Value: "utf-8"}}, Encoding: "quoted-printable"}
	if l.attachment == nil {
		if err := write(c.Body(plain), []byte(l.text)); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	}
	m := c.Multipart("mixed")
	err := write(m.Part(plain), []byte(l.text))
	if err == nil {
		err = write(m.Part(message.Leaf{
			Type: "application/octet-stream", Encoding: "base64", Disposition: "attachment", Filename: l.filename,
		}), l.attachment)
	}
	if err := errors.Join(err, m.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func field(name string, a mail.Address) message.Address {
	return message.Address{Name: name, Local: a.Local, Domain: string(a.Domain)}
}

func write(w io.WriteCloser, content []byte) error {
	_, err := w.Write(content)
	return errors.Join(err, w.Close())
}

// newAttachment is bytes that no mistake leaves as they are.
func newAttachment() []byte {
	b := make([]byte, 40_000)
	_, _ = rand.Read(b) // never fails
	return b
}

// received is a message as a mail program shows it, read with the standard library.
type received struct {
	from, subject, messageID, inReplyTo string
	text                                string
	attachment                          []byte
	filename                            string
}

func read(raw []byte) (received, error) {
	var r received
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return r, fmt.Errorf("read the header: %w", err)
	}
	var words mime.WordDecoder
	if r.subject, err = words.DecodeHeader(m.Header.Get("Subject")); err != nil {
		return r, fmt.Errorf("read the subject: %w", err)
	}
	if from, err := m.Header.AddressList("From"); err == nil && len(from) > 0 {
		r.from = from[0].Name
	}
	r.messageID, r.inReplyTo = m.Header.Get("Message-ID"), m.Header.Get("In-Reply-To")
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return r, fmt.Errorf("read the content type: %w", err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		r.text, err = readText(m.Body, m.Header.Get("Content-Transfer-Encoding"))
		return r, err
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart() // decodes quoted-printable itself
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return r, fmt.Errorf("read the parts: %w", err)
		}
		if err := r.take(part); err != nil {
			return r, err
		}
	}
}

// take keeps the first text and the attachment.
func (r *received) take(part *multipart.Part) error {
	if name := part.FileName(); name != "" {
		var err error
		r.filename = name
		r.attachment, err = io.ReadAll(base64Reader(part))
		return err
	}
	if r.text != "" || !strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
		return nil
	}
	var err error
	r.text, err = readText(part, part.Header.Get("Content-Transfer-Encoding"))
	return err
}

func readText(body io.Reader, encoding string) (string, error) {
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64Reader(body)
	}
	b, err := io.ReadAll(body)
	return strings.TrimRight(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n"), err
}

// check compares what arrived with what was sent, and names the first difference.
func (l *letter) check(r received) error {
	switch {
	case r.subject != l.subject:
		return fmt.Errorf("the subject arrived as %q", r.subject)
	case r.from != l.from.name:
		return fmt.Errorf("the author's name arrived as %q", r.from)
	case r.text != strings.TrimRight(l.text, "\n"):
		return fmt.Errorf("the text arrived as %q", r.text)
	case !bytes.Equal(r.attachment, l.attachment):
		return fmt.Errorf("the attachment arrived with %d bytes, not as it was", len(r.attachment))
	case r.filename != l.filename:
		return fmt.Errorf("the attachment's name arrived as %q", r.filename)
	case r.inReplyTo != l.inReplyTo:
		return fmt.Errorf("the reply names %q as what it answers", r.inReplyTo)
	case r.messageID == "":
		return errors.New("the message has no Message-ID")
	}
	return nil
}
