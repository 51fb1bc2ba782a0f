package relay

import (
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/smtp"
)

// transact does one mail transaction for as many of the pending recipients as the server takes at once. Those that have a result
// afterwards are not pending any more. Trouble means that the connection is of no use now and the pending ones may be tried with
// another server.
func (d *delivery) transact(s *session) *trouble {
	env, no, err := d.envelope(s)
	if err != nil {
		d.r.o.Log.Error("message content cannot be read", "id", d.job.Message.ID.String(), "err", err)
		d.all(found(mail.KindInternal, "the message's content cannot be read now"))
		return nil
	}
	if no != nil {
		s.answered = true
		d.all(*no)
		return nil
	}
	rcpts := d.chosen(s)
	if len(rcpts) == 0 {
		return nil
	}
	x := transaction{d: d, s: s, env: env, rcpts: rcpts}
	if t := x.envelope(); t != nil {
		return t
	}
	if len(x.accepted) == 0 {
		return x.withoutContent()
	}
	return x.content()
}

// chosen are the recipients of the next transaction; those that the server cannot take have a result.
func (d *delivery) chosen(s *session) []int {
	limit := len(d.pending)
	if m := s.hello.RcptMax; m > 0 {
		limit = min(limit, m)
	}
	var out, never []int
	for _, i := range d.pending {
		if d.job.Recipients[i].Address.NeedsUTF8() && !s.hello.Ext.Has(smtp.SMTPUTF8) {
			d.set(i, s.own(mail.KindNeedsUTF8, "the server "+s.host.Name+" does not take internationalised addresses (SMTPUTF8)"))
			s.answered = true
			never = append(never, i)
			continue
		}
		if len(out) < limit {
			out = append(out, i)
		}
	}
	d.remove(never)
	return out
}

// transaction is one MAIL, its RCPTs and its content.
type transaction struct {
	d        *delivery
	s        *session
	env      *mail.Envelope
	rcpts    []int
	accepted []int
	// goAhead is the reply to a DATA that was sent together with the envelope; Code 0 if it was not.
	goAhead smtp.Reply
}

// envelope sends MAIL and RCPT, all at once if the server pipelines, and sorts the recipients by the replies.
func (x *transaction) envelope() *trouble {
	s := x.s
	if s.lc.Buffered() > 0 {
		return earlyAnswer()
	}
	pipeline := s.hello.Ext.Has(smtp.Pipelining)
	reset := s.dirty
	s.dirty = true
	var cmds [][]byte
	if reset {
		cmds = append(cmds, []byte("RSET"))
	}
	cmds = append(cmds, smtp.AppendMail(nil, x.env, s.hello.Ext))
	for _, i := range x.rcpts {
		cmds = append(cmds, smtp.AppendRcpt(nil, &x.d.job.Recipients[i], s.hello.Ext))
	}
	withData := pipeline && !s.hello.Ext.Has(smtp.Chunking)
	if withData {
		cmds = append(cmds, []byte("DATA"))
	}
	p := pipe{s: s, cmds: cmds, atOnce: pipeline}
	if reset {
		if _, err := p.next(); err != nil {
			return broken("no answer to RSET", err)
		}
	}
	reply, err := p.next()
	if err != nil {
		return broken("no answer to MAIL", err)
	}
	if reply.Class() != 2 && (!pipeline || reply.Code == 421) {
		s.answered = s.answered || reply.Code != 421
		return x.refusedAll(reply)
	}
	mailReply := reply
	s.answered = s.answered || reply.Code != 421
	if t := x.recipients(&p, mailReply.Class() == 2); t != nil {
		return t
	}
	if withData {
		s.lc.SetLineTimeout(s.timeouts.Data)
		if x.goAhead, err = p.next(); err != nil {
			return broken("no answer to DATA", err)
		}
	}
	if mailReply.Class() != 2 {
		return x.refusedAll(mailReply)
	}
	return nil
}

// recipients reads the replies to RCPT. If MAIL was refused they mean nothing, but must be read if they were pipelined.
func (x *transaction) recipients(p *pipe, begun bool) *trouble {
	s := x.s
	for _, i := range x.rcpts {
		reply, err := p.next()
		if err != nil {
			return broken("no answer to RCPT", err) // those without an answer stay pending for another server
		}
		switch {
		case !begun:
		case reply.Class() == 2:
			x.accepted = append(x.accepted, i)
		case tooManyRecipients(reply) && len(x.accepted) > 0:
			// It stays pending, for the next transaction (RFC 5321 section 4.5.3.1.10).
		default:
			x.d.set(i, s.said(reply))
			x.d.remove([]int{i})
		}
	}
	return nil
}

func tooManyRecipients(r smtp.Reply) bool {
	return r.Code == 452 && (r.Status == "" || r.Status == "4.5.3") || r.Code == 552 && r.Status == "5.5.3"
}

// refusedAll is a MAIL that was refused: for good it settles all recipients; for now another server may be tried.
func (x *transaction) refusedAll(reply smtp.Reply) *trouble {
	x.accepted = nil
	if x.goAhead.Code == 354 {
		return refused(reply) // DATA was accepted all the same: nothing sensible can follow
	}
	if reply.Class() == 5 {
		x.s.answered = true
		res := x.s.said(reply)
		for _, i := range x.rcpts {
			x.d.set(i, res)
		}
		x.d.remove(x.rcpts)
		return nil
	}
	return refused(reply)
}

// withoutContent ends a transaction nobody was accepted in. If DATA was sent along and accepted, an empty message ends it
// (RFC 2920 section 3.1).
func (x *transaction) withoutContent() *trouble {
	if x.goAhead.Code != 354 {
		return nil
	}
	if _, err := x.s.command(x.s.timeouts.Final, "."); err != nil {
		return broken("connection lost", err)
	}
	x.s.dirty = false
	return nil
}

// settle gives the accepted recipients a result.
func (x *transaction) settle(res queue.Result) {
	for _, i := range x.accepted {
		x.d.set(i, res)
	}
	x.d.remove(x.accepted)
}

// pipe sends commands, all at once or one after the other, and reads their replies in order.
type pipe struct {
	s      *session
	cmds   [][]byte
	atOnce bool
	sent   int
	read   int
}

// next gives the reply to the next command.
func (p *pipe) next() (smtp.Reply, error) {
	for p.sent < len(p.cmds) && (p.atOnce || p.sent == p.read) {
		if _, err := p.s.lc.Write(append(p.cmds[p.sent], '\r', '\n')); err != nil {
			return smtp.Reply{}, err
		}
		p.sent++
	}
	p.read++
	return p.s.reply(p.s.timeouts.Command)
}
