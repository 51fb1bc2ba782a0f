package journey

import (
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// Words of the fields that are the same whatever the language; Say translates them.
const (
	// PolicyVerified and PolicyUnverified say whether a server's certificate is the one of the server that was meant.
	PolicyVerified   = "verified"
	PolicyUnverified = "unverified"

	// ReasonNullPath, ReasonNotWanted and ReasonNoNotice are the Details of NotReturned.
	ReasonNullPath  = "null-path"
	ReasonNotWanted = "not-wanted"
	ReasonNoNotice  = "no-notice"

	// ByAdmin is the Detail of what an admin did who is not known by a name.
	ByAdmin = "admin"

	// RouteVia is the Via of LookedUp if a rule of the configuration decides, and not the DNS.
	RouteVia = "route"

	// AttemptedAgain is the Detail of Attempted if a connection that was still open was used.
	AttemptedAgain = "again"
)

// Say tells the event in plain words, as one sentence without a full stop and without its own time. Times inside are in the local
// zone.
func (e Event) Say(lang text.Lang) string {
	s := sentence{lang: lang}
	switch e.Kind {
	case Accepted:
		s.accepted(e)
	case Checked:
		s.add(text.JourneyChecked, e.Check, e.Detail)
	case NoticeFor:
		s.add(text.JourneyNoticeFor, e.Other.String())
	case Expanded:
		s.add(text.JourneyExpanded, e.Recipient, e.Target, e.Via)
	case Stored:
		s.add(text.JourneyStored, e.Recipient, e.Mailbox)
	case Queued:
		s.add(text.JourneyQueued, e.Recipient)
		s.when(text.JourneyNotBefore, e.Next)
	case Fetched:
		s.add(text.JourneyFetched, e.Recipient, protocol(e.Protocol))
	case Held, Released, Retried, Cancelled:
		s.admin(e)
	case LookedUp, Attempted:
		s.attempt(e)
	case Delayed, Returned, NotReturned, Confirmed:
		s.notice(e)
	default:
		s.outcome(e)
	}
	return strings.Join(s.parts, ", ")
}

// sentence is a main clause and what follows it.
type sentence struct {
	lang  text.Lang
	parts []string
}

func (s *sentence) add(k text.Key, args ...any) {
	s.parts = append(s.parts, text.Say(s.lang, k, args...))
}

func (s *sentence) maybe(condition string, k text.Key, args ...any) {
	if condition != "" {
		s.add(k, args...)
	}
}

func (s *sentence) when(k text.Key, t time.Time) {
	if !t.IsZero() {
		s.add(k, text.Moment(s.lang, t.Local()))
	}
}

func (s *sentence) tls(e Event) {
	if e.TLS == "" {
		s.add(text.JourneyClear)
		return
	}
	s.add(text.JourneyTLS, e.TLS)
	switch e.Policy {
	case "":
	case PolicyVerified:
		s.add(text.JourneyVerified)
	case PolicyUnverified:
		s.add(text.JourneyUnverified)
	default:
		s.parts = append(s.parts, e.Policy)
	}
}

func (s *sentence) accepted(e Event) {
	switch obs.Proto(e.Protocol) {
	case obs.ProtoLocal:
		s.add(text.JourneyWritten)
	case obs.ProtoNotice:
		s.add(text.JourneyMade)
	default:
		s.add(text.JourneyAccepted, e.peer(), protocol(e.Protocol))
		s.tls(e)
	}
	s.maybe(e.Login, text.JourneyLogin, e.Login)
	if e.Size > 0 {
		s.parts = append(s.parts, text.Size(s.lang, e.Size))
	}
}

// protocol is a protocol's name as people write it.
func protocol(p string) string {
	switch obs.Proto(p) {
	case obs.ProtoSubmission:
		return "Submission"
	case obs.ProtoSMTP, obs.ProtoLMTP, obs.ProtoIMAP, obs.ProtoPOP3, obs.ProtoJMAP:
		return strings.ToUpper(p)
	}
	return p
}

func (s *sentence) admin(e Event) {
	by := e.Detail
	if by == "" || by == ByAdmin {
		by = text.Say(s.lang, text.JourneySomebody)
	}
	switch e.Kind {
	case Held:
		s.add(text.JourneyHeld, by)
	case Released:
		s.add(text.JourneyReleased, by)
	case Retried:
		s.add(text.JourneyRetried, by)
	default:
		s.add(text.JourneyCancelled, by)
	}
}

func (s *sentence) attempt(e Event) {
	switch {
	case e.Kind == LookedUp && e.Reply != "":
		s.add(text.JourneyNotFound, e.Target, text.Words(s.lang, e.Reply))
	case e.Kind == LookedUp && e.Via != "":
		s.add(text.JourneyRouted, e.Target, e.Detail)
	case e.Kind == LookedUp:
		s.add(text.JourneyLookedUp, e.Target, e.Detail)
	case e.Reply != "":
		s.add(text.JourneyNotConnected, e.peer(), text.Words(s.lang, e.Reply))
	case e.Detail == AttemptedAgain:
		s.add(text.JourneyUsedAgain, e.peer())
		s.tls(e)
	default:
		s.add(text.JourneyConnected, e.peer())
		s.tls(e)
	}
}

func (s *sentence) notice(e Event) {
	switch e.Kind {
	case Delayed:
		s.add(text.JourneyDelayed, e.Other.String())
	case Returned:
		s.add(text.JourneyReturned, e.Recipient, e.Other.String())
	case Confirmed:
		s.add(text.JourneyConfirmed, e.Recipient, e.Other.String())
	default:
		why := e.Detail
		switch e.Detail {
		case ReasonNullPath:
			why = text.Say(s.lang, text.JourneyNullPath)
		case ReasonNotWanted:
			why = text.Say(s.lang, text.JourneyNotWanted)
		case ReasonNoNotice:
			why = text.Say(s.lang, text.JourneyNoNotice)
		}
		s.add(text.JourneyNotReturned, e.Recipient, why)
	}
}

// outcome tells of what ends an attempt for a recipient.
func (s *sentence) outcome(e Event) {
	switch e.Kind {
	case Deferred:
		s.add(text.JourneyDeferred, e.Recipient)
	case Failed:
		s.add(text.JourneyFailed, e.Recipient)
	case Expired:
		s.add(text.JourneyExpired, e.Recipient)
	case Relayed:
		s.add(text.JourneyRelayed, e.Recipient, e.Server)
		s.maybe(e.Reply, text.JourneyAnswer, e.Reply)
		return
	case Delivered:
		s.add(text.JourneyDelivered, e.Recipient, e.Server)
		s.maybe(e.Reply, text.JourneyAnswer, e.Reply)
		return
	default:
		s.parts = append(s.parts, e.Detail)
		return
	}
	switch {
	case e.Reply == "":
	case e.Server != "" && isReply(e.Reply):
		s.add(text.JourneyAnswerOf, e.Server, e.Reply)
	default:
		s.add(text.JourneyReason, text.Words(s.lang, e.Reply))
	}
	s.when(text.JourneyNextTry, e.Next)
}

// isReply reports whether the words are a server's reply, which starts with its code.
func isReply(words string) bool {
	if len(words) < 3 {
		return false
	}
	for i := range 3 {
		if words[i] < '0' || words[i] > '9' {
			return false
		}
	}
	return true
}

// peer is the other side's name and address: "mx.example [192.0.2.1]".
func (e Event) peer() string {
	switch {
	case e.Address == "":
		return e.Server
	case e.Server == "" || e.Server == "["+e.Address+"]":
		return "[" + e.Address + "]"
	}
	return e.Server + " [" + e.Address + "]"
}
