package relay

import (
	"errors"
	"io"
	"strconv"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// copySize is how much content is in memory at once.
const copySize = 32 << 10

var errContent = errors.New("the content ends too early")

// content sends the message and gives the accepted recipients their results. After its first octet no other server is tried for
// them, so trouble ends the connection only.
func (x *transaction) content() *trouble {
	if x.s.hello.Ext.Has(smtp.Chunking) {
		return x.chunk()
	}
	return x.dots()
}

// dots sends the content with DATA.
func (x *transaction) dots() *trouble {
	s := x.s
	reply := x.goAhead
	if reply.Code == 0 {
		var err error
		if reply, err = s.command(s.timeouts.Data, "DATA"); err != nil {
			return broken("no answer to DATA", err)
		}
	}
	if reply.Code != 354 {
		x.settle(s.said(notDone(reply)))
		return outOfStep(reply)
	}
	if s.lc.Buffered() > 0 {
		t := earlyAnswer()
		x.settle(s.result(queue.Deferred, t.words))
		return t
	}
	w := line.NewDotWriter(s.lc)
	if err := x.stream(w); err != nil {
		return x.cut(err)
	}
	if err := w.Close(); err != nil {
		return x.cut(err)
	}
	return x.final()
}

// chunk sends the content with one BDAT (RFC 3030): its length is known, and nothing in it needs a look.
func (x *transaction) chunk() *trouble {
	s := x.s
	size := x.env.Size
	if s.lc.Buffered() > 0 {
		t := earlyAnswer()
		x.settle(s.result(queue.Deferred, t.words))
		return t
	}
	if _, err := s.lc.WriteString("BDAT " + strconv.FormatInt(size, 10) + " LAST\r\n"); err != nil {
		return broken("connection lost", err)
	}
	if err := x.stream(s.lc); err != nil {
		return x.cut(err)
	}
	return x.final()
}

// stream copies the content.
func (x *transaction) stream(w io.Writer) error {
	if x.d.seven != nil {
		return x.d.seven.writeTo(w)
	}
	r := x.d.content()
	buf, _ := x.d.r.copies.Get().(*[copySize]byte)
	if buf == nil {
		buf = new([copySize]byte)
	}
	defer x.d.r.copies.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buf[:])
	if err == nil && n != r.Size() {
		return errContent
	}
	return err
}

// cut is for content that could not be sent to its end: the connection must end, as the other side waits for more. If the other side
// said why before it closed, that is the result.
func (x *transaction) cut(err error) *trouble {
	s := x.s
	defer s.abort()
	t := broken("connection lost while the message was sent", err)
	if line.IsBareNewline(err) {
		x.settle(s.own(mail.KindBadContent, "the content has a bare CR or LF, which cannot be sent to "+s.host.Name))
		return t
	}
	if reply, rerr := s.reply(min(s.timeouts.Final, quitTime)); rerr == nil {
		x.settle(s.said(notDone(reply)))
		return t
	}
	x.settle(s.result(queue.Deferred, t.words))
	return t
}

// final reads the reply to the content: with LMTP one for each accepted recipient (RFC 2033 section 4.2).
func (x *transaction) final() *trouble {
	s := x.s
	if !s.lmtp {
		reply, err := s.reply(s.timeouts.Final)
		if err != nil {
			return x.unanswered(err)
		}
		s.dirty = false
		x.settle(s.said(reply))
		return ending(reply)
	}
	all := x.accepted
	for n, i := range all {
		reply, err := s.reply(s.timeouts.Final)
		if err != nil {
			x.accepted = all[n:]
			return x.unanswered(err)
		}
		x.accepted = []int{i}
		x.settle(s.said(reply))
	}
	s.dirty = false
	return nil
}

// unanswered is content whose end was sent and not answered: the server may have it or not. It is tried again later, as a double is
// better than a loss (RFC 1047).
func (x *transaction) unanswered(err error) *trouble {
	t := broken("the server took the message and did not answer", err)
	x.settle(x.s.result(queue.Deferred, t.words))
	return t
}

// ending makes trouble of a reply after which the server closes the connection.
func ending(reply smtp.Reply) *trouble {
	if reply.Code == 421 {
		return refused(reply)
	}
	return nil
}

// outOfStep makes trouble of a reply that cannot be to what was asked: nobody could tell what the next ones are to.
func outOfStep(reply smtp.Reply) *trouble {
	if c := reply.Class(); c == 2 || c == 3 {
		return refused(notDone(reply))
	}
	return ending(reply)
}

// earlyAnswer is for input that is there before anything was asked: if it were taken for the answer, a message that never came could
// seem to be delivered.
func earlyAnswer() *trouble { return &trouble{words: "the server answers before it is asked"} }

// notDone makes sure that a reply in the middle, which should be negative, is not read as success.
func notDone(reply smtp.Reply) smtp.Reply {
	if c := reply.Class(); c == 2 || c == 3 {
		return smtp.Reply{Code: 451, Status: "4.5.0", Lines: []string{"unexpected reply: " + reply.String()}}
	}
	return reply
}
