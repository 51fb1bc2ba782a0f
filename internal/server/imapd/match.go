package imapd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// matcher holds messages to a search key.
type matcher struct {
	*session
	now time.Time
	// sets are the sequence sets of the key, resolved, by their place in the order prepare met them; a set's Num says where.
	sets []imap.Set
	// probes are made of the texts of the key.
	probes map[string]probe
	whole  []byte // a message's bytes, and the same in lower case: kept from one message to the next
	lower  []byte
	piece  []byte // for contains
	looked int64  // bytes that contains has read
}

// prepare resolves the sets of a key, folds its texts, and puts what is cheap to ask before what opens a body.
func (m *matcher) prepare(k *imap.SearchKey) error {
	switch k.Op {
	case imap.SeSeqSet, imap.SeUID:
		n := bySeq
		if k.Op == imap.SeUID {
			n = byUID
		}
		spans, err := m.resolve(k.Set, n)
		if err != nil {
			return err
		}
		var seqs imap.Set
		for _, sp := range spans {
			seqs.AddRange(uint32(sp.from), uint32(sp.to))
		}
		k.Num = uint64(len(m.sets))
		m.sets = append(m.sets, seqs)
	case imap.SeHeader, imap.SeBody, imap.SeText:
		k.Text = fold(k.Text)
	case imap.SeKeyword:
		k.Text = strings.ToLower(k.Text)
	}
	for i := range k.Keys {
		if err := m.prepare(&k.Keys[i]); err != nil {
			return err
		}
	}
	slices.SortStableFunc(k.Keys, func(a, b imap.SearchKey) int { return cost(a) - cost(b) })
	return nil
}

// cost orders keys by what they read: nothing, the summary, the header, the body.
func cost(k imap.SearchKey) int {
	switch k.Op {
	case imap.SeBody, imap.SeText:
		return 3
	case imap.SeHeader:
		if kept(k.Field) {
			return 1
		}
		return 2
	case imap.SeSentBefore, imap.SeSentOn, imap.SeThreadID:
		return 1
	}
	most := 0
	for _, sub := range k.Keys {
		most = max(most, cost(sub))
	}
	return most
}

// searchNeeds is what a key is answered from.
func searchNeeds(k imap.SearchKey) needs {
	switch cost(k) {
	case 0:
		return 0
	case 1:
		return needSummary
	}
	return needSummary | needBody
}

// candidate answers, from the listing alone, whether a message can match, so that for others nothing is read.
func (m *matcher) candidate(k imap.SearchKey) func(seq int, r mailbox.Row) bool {
	var cheap []imap.SearchKey
	if k.Op == imap.SeAnd {
		for _, sub := range k.Keys {
			if cost(sub) == 0 {
				cheap = append(cheap, sub)
			}
		}
	}
	return func(seq int, r mailbox.Row) bool {
		for i := range cheap {
			if !m.listed(&cheap[i], seq, r) {
				return false
			}
		}
		return true
	}
}

// match holds one message to the key. A message that is gone when it is to be read does not match.
func (m *matcher) match(ctx context.Context, k imap.SearchKey, seq int, src *source) (bool, error) {
	ok, err := m.holds(ctx, k, seq, src)
	if mail.IsKind(err, mail.KindNotFound) {
		return false, nil
	}
	return ok, err
}

func (m *matcher) holds(ctx context.Context, k imap.SearchKey, seq int, src *source) (bool, error) {
	switch k.Op {
	case imap.SeAnd, imap.SeOr:
		stop := k.Op == imap.SeOr
		for _, sub := range k.Keys {
			if ok, err := m.holds(ctx, sub, seq, src); err != nil || ok == stop {
				return ok, err
			}
		}
		return !stop, nil
	case imap.SeNot:
		ok, err := m.holds(ctx, k.Keys[0], seq, src)
		return !ok, err
	case imap.SeHeader, imap.SeSentBefore, imap.SeSentOn:
		return m.header(ctx, k, src)
	case imap.SeBody, imap.SeText:
		return m.text(ctx, k, src)
	case imap.SeThreadID:
		e, err := m.account.Email(ctx, src.m.EmailID)
		return err == nil && e.Thread.String() == k.Text, err
	}
	return m.listed(&k, seq, src.listing), nil
}

// day is a time's day in its own zone, as midnight UTC: dates in searches have no zone.
func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// header answers the keys about header fields.
func (m *matcher) header(ctx context.Context, k imap.SearchKey, src *source) (bool, error) {
	if k.Op == imap.SeHeader && kept(k.Field) && src.row != nil {
		if ok, told := m.stored(k, src.row); told {
			return ok, nil
		}
	}
	e, err := src.envelope(ctx)
	if err != nil {
		return false, err
	}
	switch k.Op {
	case imap.SeSentBefore:
		return !e.Date.IsZero() && day(e.Date).Before(k.Day), nil
	case imap.SeSentOn:
		return !e.Date.IsZero() && day(e.Date).Equal(k.Day), nil
	}
	if kept(k.Field) {
		value := envelopeField(e, k.Field)
		// An empty text asks whether the field is there at all.
		return value != "" && strings.Contains(fold(value), k.Text), nil
	}
	header, err := readHeader(ctx, src)
	if err != nil {
		return false, err
	}
	for _, f := range header {
		if f.Is(k.Field) && strings.Contains(fold(message.DecodeText(f.Value())), k.Text) {
			return true, nil
		}
	}
	return false, nil
}

// kept reports whether a field's value is in the summary.
func kept(field string) bool {
	switch field {
	case "subject", "message-id", "in-reply-to", "from", "to", "cc", "bcc":
		return true
	}
	return false
}

// envelopeField gives a kept field's value for people from the summary.
func envelopeField(e *message.Envelope, field string) string {
	switch field {
	case "subject":
		return message.DecodeText(e.Subject)
	case "message-id":
		return e.MessageID
	case "in-reply-to":
		return e.RawInReplyTo
	case "from":
		return addressesText(e.From)
	case "to":
		return addressesText(e.To)
	case "cc":
		return addressesText(e.Cc)
	case "bcc":
		return addressesText(e.Bcc)
	}
	return ""
}

func addressesText(list []message.Address) string {
	var b strings.Builder
	for _, a := range list {
		if a.Mark == message.MarkGroupEnd {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		if name := a.DisplayName(); name != "" {
			b.WriteString(name + " ")
		}
		if a.Mark == message.MarkNone {
			b.WriteString("<" + a.Local + "@" + a.Domain + ">")
		}
	}
	return b.String()
}
