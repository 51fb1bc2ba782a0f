package relay

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// found is a result of our own finding, without a server's reply.
func found(k mail.Kind, words string) queue.Result {
	res := queue.Result{Status: queue.Failed, Enhanced: enhanced(k), Reply: words}
	if k.Temporary() {
		res.Status = queue.Deferred
	}
	return res
}

// enhanced is the status code of RFC 3463 for our own findings.
func enhanced(k mail.Kind) string {
	switch k {
	case mail.KindNoSuchDomain:
		return "5.1.2"
	case mail.KindNoMail:
		return "5.1.10" // RFC 7505
	case mail.KindLoop:
		return "5.4.6"
	case mail.KindTooLarge:
		return "5.3.4"
	case mail.KindNeedsUTF8:
		return "5.6.7" // RFC 6531
	case mail.KindNeeds8Bit:
		return "5.6.3"
	case mail.KindBadContent:
		return "5.6.0"
	case mail.KindNeedsTLS:
		return "5.7.30" // RFC 8689
	case mail.KindUnavailable:
		return "4.4.3"
	case mail.KindInternal:
		return "4.3.0"
	}
	if k.Temporary() {
		return "4.0.0"
	}
	return "5.0.0"
}

// trouble is a failure of the connection or of what comes before a message on it. It is never the message's fault.
type trouble struct {
	words string     // what is told
	reply smtp.Reply // what the server said; Code 0 if nothing
	err   error
	// handshake means that TLS could not be started after it had been offered.
	handshake bool
}

// Error is for the log.
func (t *trouble) Error() string { return t.words }

// Unwrap gives the cause.
func (t *trouble) Unwrap() error { return t.err }

// broken makes trouble of an error while doing something.
func broken(doing string, err error) *trouble {
	return &trouble{words: doing + ": " + plain(err), err: err}
}

// refused makes trouble of a reply.
func refused(reply smtp.Reply) *trouble { return &trouble{words: words(reply), reply: reply} }

// words is a reply as one line, without the blanks that servers indent with. A server that has 64 KiB to say about each of a hundred recipients
// does not fill the memory with that until all is settled.
func words(reply smtp.Reply) string {
	return queue.Clip(strings.Join(strings.Fields(reply.String()), " "))
}

// plain says an error of the network in a few words that strangers may read.
func plain(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, line.ErrTimeout), errors.Is(err, os.ErrDeadlineExceeded):
		return "it took too long"
	case errors.Is(err, net.ErrClosed):
		return "it was broken off, as it took too long or the server stops"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the other side closed the connection"
	case errors.As(err, &op) && op.Err != nil:
		s := op.Err.Error()
		if i := strings.LastIndex(s, ": "); i >= 0 {
			s = s[i+2:] // without the name of the system call
		}
		return s
	}
	return err.Error()
}

// said is a result for one recipient by a server's reply.
func (s *session) said(reply smtp.Reply) queue.Result {
	res := s.result(queue.Deferred, words(reply))
	res.Code = reply.Code
	res.Enhanced = reply.Status
	switch reply.Class() {
	case 2:
		res.Status = queue.Delivered
		res.NotifiesSuccess = s.hello.Ext.Has(smtp.DSN)
		res.Final = s.lmtp
	case 5:
		res.Status = queue.Failed
	}
	if res.Enhanced == "" {
		res.Enhanced = map[queue.Status]string{
			queue.Delivered: "2.0.0", queue.Failed: "5.0.0", queue.Deferred: "4.0.0",
		}[res.Status]
	}
	return res
}

// result is one that names this server.
func (s *session) result(status queue.Status, words string) queue.Result {
	return queue.Result{
		Status: status, Enhanced: "4.4.2", Reply: words, Server: s.host.Name, Address: s.addr.Addr().Unmap().String(),
		TLS: s.tlsWords, TLSVersion: s.tlsVersion, Policy: s.policy,
	}
}

// own is our finding about what this server can take.
func (s *session) own(k mail.Kind, words string) queue.Result {
	res := found(k, words)
	r := s.result(res.Status, words)
	r.Enhanced = res.Enhanced
	return r
}

func tlsWords(cs *tls.ConnectionState) string {
	return tls.VersionName(cs.Version) + ", " + tls.CipherSuiteName(cs.CipherSuite)
}
