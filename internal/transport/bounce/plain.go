package bounce

import (
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// Bounds on what a person is asked to read.
const (
	maxGroups    = 20  // different fates
	maxAddresses = 20  // of one fate
	maxReply     = 500 // characters of another server's words
	width        = 76
)

// plain is the notice in plain words, in both languages.
func (nt *notice) plain() string {
	var b strings.Builder
	nt.plainIn(&b, nt.langs[0])
	b.WriteString("\n" + strings.Repeat("-", 60) + "\n" + text.Say(nt.langs[1], text.BounceOtherLanguage) + "\n\n")
	nt.plainIn(&b, nt.langs[1])
	return b.String()
}

// plainIn tells what happened: the message, then for each fate whom it met, why, and what helps.
func (nt *notice) plainIn(b *strings.Builder, lang text.Lang) {
	intro := text.BounceDeliveredIntro
	switch nt.kind {
	case queue.ActionFailed:
		intro = text.BounceFailedIntro
	case queue.ActionDelayed:
		intro = text.BounceDelayedIntro
	}
	p := printer{b: b, lang: lang}
	p.line(text.Say(lang, intro))
	p.blank()
	p.item(text.BounceSubject, nt.originalSubject(lang))
	p.item(text.BounceSent, text.Moment(lang, nt.sent()))
	groups := group(nt.n.About)
	for i, g := range groups {
		if i == maxGroups {
			p.blank()
			p.line(text.Say(lang, text.BounceMore, countRecipients(groups[i:])))
			break
		}
		p.blank()
		p.addresses(g)
		nt.fate(&p, g[0])
	}
	p.blank()
	p.line(text.Say(lang, text.BounceFooter, string(nt.bn.o.Hostname), nt.n.Message.ID.String()))
}

// sent is when the author wrote the message, in the author's own zone if it is known.
func (nt *notice) sent() time.Time {
	if t, ok := message.ParseDate(nt.orig.header.Get("Date")); ok {
		return t
	}
	return nt.n.Message.Created.UTC()
}

// group puts recipients together that fared alike.
func group(about []queue.Outcome) [][]queue.Outcome {
	type fate struct {
		action        queue.Action
		reason        reason
		server, reply string
		domain        mail.Domain
	}
	at := make(map[fate]int)
	var out [][]queue.Outcome
	for _, o := range about {
		f := fate{o.Action, why(o), o.Result.Server, o.Result.Reply, o.Recipient.Address.Domain}
		i, ok := at[f]
		if !ok {
			i = len(out)
			at[f] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], o)
	}
	return out
}

func countRecipients(groups [][]queue.Outcome) int {
	n := 0
	for _, g := range groups {
		n += len(g)
	}
	return n
}

// fate says what happened to the recipients like o.
func (nt *notice) fate(p *printer, o queue.Outcome) {
	server := o.Result.Server
	switch o.Action {
	case queue.ActionDelivered:
		if server == "" {
			p.line(text.Say(p.lang, text.BounceStored))
			return
		}
		p.line(text.Say(p.lang, text.BounceTaken, server))
		return
	case queue.ActionRelayed:
		p.line(text.Say(p.lang, text.BounceRelayed, server))
		return
	}
	r := why(o)
	p.item(text.BounceWhy, nt.because(p.lang, r, o))
	if o.Action == queue.ActionFailed {
		p.item(text.BounceHelp, nt.help(p.lang, r, o))
	} else {
		p.line(text.Say(p.lang, text.BounceRetry, text.Moment(p.lang, nt.n.Message.Expires.In(nt.sent().Location()))))
	}
	words := clip(strings.Join(strings.Fields(message.DecodeText(o.Result.Reply)), " "))
	switch {
	case words == "":
	case o.Result.Code != 0:
		p.item(text.BounceAnswer, server, words)
	default:
		p.item(text.BounceOwnWords, words)
	}
}

// because says why.
func (nt *notice) because(lang text.Lang, r reason, o queue.Outcome) string {
	domain := o.Recipient.Address.Domain.Unicode()
	switch r {
	case noAddress, noDomain, noMail, notInCharge:
		return text.Say(lang, sentences[r].why, domain)
	case tooLarge:
		return text.Say(lang, sentences[r].why, text.Size(lang, nt.n.Message.Blob.Size-nt.n.Message.Skip))
	case unproven, badSender:
		return text.Say(lang, sentences[r].why, nt.n.Message.From.Unicode())
	case unreachable:
		waited := nt.bn.o.Clock.Now().Sub(nt.n.Message.Created)
		if o.Action == queue.ActionDelayed || waited < time.Minute || nt.n.Message.Created.IsZero() {
			return text.Say(lang, text.BounceUnreachableNow, domain)
		}
		return text.Say(lang, sentences[r].why, domain, text.Duration(lang, waited.Round(time.Minute)))
	}
	return text.Say(lang, sentences[r].why)
}

// help says what to do about it.
func (nt *notice) help(lang text.Lang, r reason, o queue.Outcome) string {
	switch r {
	case blocked, unproven, provider:
		return text.Say(lang, sentences[r].help, nt.bn.o.Postmaster.Unicode())
	case refused:
		if o.Result.Reply == "" {
			return text.Say(lang, text.BounceRefusedMuteHelp)
		}
	}
	return text.Say(lang, sentences[r].help)
}

func clip(s string) string {
	if r := []rune(s); len(r) > maxReply {
		return string(r[:maxReply]) + "…"
	}
	return s
}

// printer writes lines of at most width characters.
type printer struct {
	b    *strings.Builder
	lang text.Lang
}

func (p *printer) blank() { p.b.WriteByte('\n') }

// line writes a paragraph.
func (p *printer) line(s string) { p.wrap(s, "") }

// item writes a paragraph whose further lines are indented.
func (p *printer) item(k text.Key, args ...any) { p.wrap(text.Say(p.lang, k, args...), "  ") }

func (p *printer) wrap(s, indent string) {
	col := 0
	for i, w := range strings.Fields(s) {
		n := len([]rune(w))
		switch {
		case i == 0:
		case col+1+n > width:
			p.b.WriteString("\n" + indent)
			col = len(indent)
		default:
			p.b.WriteByte(' ')
			col++
		}
		p.b.WriteString(w)
		col += n
	}
	p.b.WriteByte('\n')
}

// addresses names the recipients of one fate.
func (p *printer) addresses(g []queue.Outcome) {
	for i, o := range g {
		if i == maxAddresses {
			p.line("  " + text.Say(p.lang, text.BounceMore, len(g)-i))
			return
		}
		who := o.Recipient.Address.Unicode()
		if orig := o.Recipient.Original; orig != "" && !strings.EqualFold(orig, o.Recipient.Address.String()) {
			who = clip(strings.Join(strings.Fields(message.DecodeText(orig)), " ")) + " (→ " + who + ")"
		}
		p.item(text.BounceTo, who)
	}
}
