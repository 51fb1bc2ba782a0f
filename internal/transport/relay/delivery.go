package relay

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/transport/route"
)

// maxTries bounds the addresses that are tried for one delivery.
const maxTries = 12

// delivery is one message for the recipients of one route.
type delivery struct {
	r       *Relay
	job     *queue.Job
	blob    store.Blob
	report  *queue.Report
	pending []int // recipients without a final result yet

	route     route.Route
	spoke     bool // a server got as far as to answer about the message
	temporary bool // some recipient is deferred
	last      queue.Result
	tries     int
	seven     *sevenBit // the content for the server at hand, if it takes 7-bit content alone; nil: as it is
	ourselves bool      // the server that was reached is this one
}

// run tries the route's servers in order until each recipient has a result.
func (d *delivery) run(ctx context.Context) {
	domain := d.job.Recipients[d.pending[0]].Address.Domain
	var err error
	d.route, err = d.r.o.Router.Route(ctx, domain)
	d.lookedUp(domain, err)
	if err != nil {
		f := mail.AsFault(err)
		d.all(found(f.Kind, f.Public))
		return
	}
	d.last = found(mail.KindUnavailable, "no mail server of "+string(domain)+" could be reached")
	if d.overIdle(ctx) {
		return
	}
	for _, h := range d.route.Hosts {
		if len(d.pending) == 0 || ctx.Err() != nil || d.tries >= maxTries || d.ourselves {
			break
		}
		d.host(ctx, h)
	}
	if len(d.pending) > 0 {
		d.all(d.last)
	}
}

// all gives all recipients without a result this one.
func (d *delivery) all(res queue.Result) {
	for _, i := range d.pending {
		d.set(i, res)
	}
	d.pending = nil
}

func (d *delivery) set(i int, res queue.Result) {
	d.report.Results[i] = res
	d.temporary = d.temporary || res.Status == queue.Deferred
}

func (d *delivery) event(e journey.Event) {
	e.At = d.r.o.Clock.Now()
	d.report.Events = append(d.report.Events, e)
}

func (d *delivery) lookedUp(domain mail.Domain, err error) {
	e := journey.Event{Kind: journey.LookedUp, Target: domain.Unicode()}
	if err != nil {
		e.Reply = mail.AsFault(err).Public
	}
	if d.route.Smarthost != nil {
		e.Via = journey.RouteVia
	}
	var names []string
	for _, h := range d.route.Hosts {
		names = append(names, h.Name)
	}
	e.Detail = strings.Join(names, ", ")
	d.event(e)
}

// overIdle uses a connection that is still open, and reports whether all recipients have a result. That it is dead by now is
// nobody's fault and not told.
func (d *delivery) overIdle(ctx context.Context) bool {
	for len(d.pending) > 0 && ctx.Err() == nil {
		s := d.r.takeIdle(d.route.Key)
		if s == nil {
			return false
		}
		if d.over(ctx, s, nil) {
			d.event(journey.Event{
				Kind: journey.Attempted, Server: s.host.Name, Address: s.addr.String(), TLS: s.tlsWords, Policy: s.policy,
				Detail: journey.AttemptedAgain,
			})
		}
	}
	return len(d.pending) == 0
}

// host tries a host's addresses in turn.
func (d *delivery) host(ctx context.Context, h route.Host) {
	addrs, err := d.r.o.Router.Addrs(ctx, h)
	if err != nil {
		f := mail.AsFault(err)
		d.event(journey.Event{Kind: journey.Attempted, Server: h.Name, Reply: f.Public})
		res := queue.Result{Status: queue.Deferred, Enhanced: "4.4.3", Reply: f.Public}
		if f.Kind == mail.KindNoSuchDomain && len(d.route.Hosts) == 1 && d.route.Smarthost == nil {
			res = found(f.Kind, f.Public) // the domain has no other; a smarthost without address is a slip in our configuration
		}
		d.tell(res)
		return
	}
	for _, a := range addrs {
		if len(d.pending) == 0 || ctx.Err() != nil || d.tries >= maxTries || d.ourselves {
			return
		}
		d.tries++
		d.address(ctx, h, a)
	}
}

// address tries one address; if TLS that nobody demanded fails, a second time without it.
func (d *delivery) address(ctx context.Context, h route.Host, a netip.AddrPort) {
	sec := route.Opportunistic
	if d.route.Smarthost != nil {
		sec = d.route.Smarthost.Security
	}
	s, err := d.r.connect(ctx, d.route, h, a, sec)
	if t, ok := errors.AsType[*trouble](err); ok && t.handshake && sec == route.Opportunistic && ctx.Err() == nil {
		d.failedAt(h, a, err)
		s, err = d.r.connect(ctx, d.route, h, a, route.Clear)
	}
	if err != nil {
		d.failedAt(h, a, err)
		return
	}
	if d.job.Answered != nil {
		d.job.Answered()
	}
	if d.route.Smarthost == nil && strings.EqualFold(s.hello.Name, d.r.o.Hostname) {
		s.quit()
		d.loop(h, a)
		return
	}
	d.event(journey.Event{
		Kind: journey.Attempted, Server: h.Name, Address: a.String(), TLS: s.tlsWords, Policy: s.policy,
	})
	d.over(ctx, s, func(t *trouble) { d.lastFrom(h, a, t) })
}

// loop is for a server that is ourselves under another name. It goes as if the DNS had named us (route.Router): who is as far from the
// destination as we are, or farther, is not tried, and if nobody is nearer the mail cannot go anywhere.
func (d *delivery) loop(h route.Host, a netip.AddrPort) {
	d.ourselves = true
	domain := d.job.Recipients[d.pending[0]].Address.Domain
	res := found(mail.KindLoop, "this server is the best mail server of "+string(domain)+" but does not know the domain")
	d.event(journey.Event{Kind: journey.Attempted, Server: h.Name, Address: a.String(), Reply: res.Reply})
	if h.Pref == d.route.Hosts[0].Pref {
		d.all(res)
	}
}

func (d *delivery) failedAt(h route.Host, a netip.AddrPort, err error) {
	d.event(journey.Event{Kind: journey.Attempted, Server: h.Name, Address: a.String(), Reply: err.Error()})
	t, ok := errors.AsType[*trouble](err)
	if !ok {
		t = broken("connection failed", err)
	}
	d.lastFrom(h, a, t)
}

// lastFrom remembers the trouble as what is told if no other server can be reached. It is temporary whatever the code: another
// day the server may be in a better mood (RFC 5321 section 4.2.4.2 is about messages).
func (d *delivery) lastFrom(h route.Host, a netip.AddrPort, t *trouble) {
	res := queue.Result{
		Status: queue.Deferred, Enhanced: "4.4.1", Reply: t.words, Server: h.Name, Address: a.Addr().Unmap().String(),
		Code: t.reply.Code,
	}
	if t.reply.Code != 0 {
		res.Enhanced = "4.3.2"
		if strings.HasPrefix(t.reply.Status, "4") {
			res.Enhanced = t.reply.Status
		}
	}
	d.tell(res)
}

// tell remembers why a server could not be used. What a server said tells more than that another could not be reached, and that
// more than that it has no address.
func (d *delivery) tell(res queue.Result) {
	if telling(res) >= telling(d.last) {
		d.last = res
	}
}

func telling(res queue.Result) int {
	switch {
	case res.Code != 0:
		return 2
	case res.Server != "":
		return 1
	}
	return 0
}

// over sends the message over a connection, in as many transactions as the server wants, and then keeps or ends it; from then on
// the session is not ours. It reports whether the server has answered about the message.
func (d *delivery) over(ctx context.Context, s *session, failed func(*trouble)) (answered bool) {
	stop := context.AfterFunc(ctx, s.abort)
	defer stop()
	for len(d.pending) > 0 {
		before := len(d.pending)
		t := d.transact(s)
		answered = answered || s.answered
		d.spoke = d.spoke || answered
		if t != nil {
			s.abort()
			if failed != nil {
				failed(t)
			}
			return answered
		}
		if len(d.pending) == before { // no progress: the server keeps putting us off
			break
		}
	}
	d.r.keep(s)
	return answered
}

// remove takes recipients out of the pending ones.
func (d *delivery) remove(done []int) {
	d.pending = slices.DeleteFunc(d.pending, func(i int) bool { return slices.Contains(done, i) })
}
