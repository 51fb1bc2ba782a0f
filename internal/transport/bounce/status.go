package bounce

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

// statusType is the report-type: RFC 3464, or RFC 6533 if something is not ASCII.
func (nt *notice) statusType() string {
	if nt.utf8 {
		return "global-delivery-status"
	}
	return "delivery-status"
}

// status writes the second part.
func (nt *notice) status(m *message.Multipart) error {
	leaf := message.Leaf{Type: "message/" + nt.statusType()}
	if nt.utf8 {
		leaf.Encoding = "8bit"
	}
	var b bytes.Buffer
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, nt.oneLine(value))
		}
	}
	msg := nt.n.Message
	field("Original-Envelope-Id", msg.EnvID)
	field("Reporting-MTA", "dns; "+string(nt.bn.o.Hostname))
	if !msg.Created.IsZero() {
		field("Arrival-Date", message.FormatDate(msg.Created))
	}
	for _, o := range nt.n.About {
		b.WriteString("\r\n")
		if o.Recipient.Original != "" {
			field("Original-Recipient", nt.typed(o.Recipient.OriginalType, o.Recipient.Original))
		}
		kind := "rfc822"
		if o.Recipient.Address.NeedsUTF8() {
			kind = "utf-8"
		}
		field("Final-Recipient", nt.typed(kind, o.Recipient.Address.String()))
		field("Action", actionName(o.Action))
		field("Status", statusCode(o))
		if o.Result.Server != "" {
			field("Remote-MTA", "dns; "+o.Result.Server)
		}
		if d := diagnostic(o); d != "" {
			field("Diagnostic-Code", d)
		}
		if o.Action == queue.ActionDelayed && !msg.Expires.IsZero() {
			field("Will-Retry-Until", message.FormatDate(msg.Expires))
		}
	}
	w := m.Part(leaf)
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	return w.Close()
}

func actionName(a queue.Action) string {
	switch a {
	case queue.ActionFailed:
		return "failed"
	case queue.ActionDelayed:
		return "delayed"
	case queue.ActionDelivered:
		return "delivered"
	}
	return "relayed"
}

// statusCode is the status of RFC 3463, with the class that fits the action.
func statusCode(o queue.Outcome) string {
	class := byte('2')
	switch {
	case o.Action == queue.ActionDelayed:
		class = '4'
	case o.Action == queue.ActionFailed && o.Expired && strings.HasPrefix(o.Result.Enhanced, "4"):
		class = '4' // a message that ran out of time keeps the last temporary status (RFC 3464 section 2.3.4)
	case o.Action == queue.ActionFailed:
		class = '5'
	}
	e := o.Result.Enhanced
	told := isStatus(e) && (e[0] == class || class != '2' && e[0] != '2')
	switch {
	case told && e[1:] != ".0.0" || class == '2' && told:
		return string(class) + e[1:]
	case class == '2':
		return "2.0.0"
	case o.Expired && o.Result.Code == 0:
		return "4.4.7"
	}
	if detail, ok := statusOf[why(o)]; ok { // the server gave none, but its words were clear
		return string(class) + "." + detail
	}
	return string(class) + ".0.0"
}

// statusOf is the status of a reason that was found in a reply's words.
var statusOf = map[reason]string{
	noAddress: "1.1", noDomain: "1.2", badSender: "1.8", noMail: "1.10", disabled: "2.1", full: "2.2", tooLarge: "3.4",
	unreachable: "4.1", loop: "4.6", tooMany: "5.3", badContent: "6.0", needs8Bit: "6.3", needsUTF8: "6.7",
	spam: "7.1", blocked: "7.1", notInCharge: "7.1", provider: "7.8", needsTLS: "7.10", unproven: "7.26",
}

// isStatus reports whether s is class.subject.detail.
func isStatus(s string) bool {
	part := strings.Split(s, ".")
	if len(part) != 3 || len(part[0]) != 1 || part[0] < "2" || part[0] > "5" {
		return false
	}
	for _, p := range part[1:] {
		if p == "" || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// diagnostic is the other server's reply; our own findings have a type of their own (RFC 3464 section 2.3.6).
func diagnostic(o queue.Outcome) string {
	r := o.Result
	if r.Reply == "" {
		return ""
	}
	if r.Server == "" || r.Code == 0 {
		return "x-posthorn; " + r.Reply
	}
	d := fmt.Sprintf("smtp; %d ", r.Code)
	if r.Enhanced != "" && !strings.HasPrefix(r.Reply, r.Enhanced) && !strings.HasPrefix(r.Reply, fmt.Sprint(r.Code)) {
		d += r.Enhanced + " "
	}
	return d + strings.TrimPrefix(r.Reply, fmt.Sprintf("%d ", r.Code))
}

// typed writes an address with its type. UTF-8 in an ASCII report is escaped (RFC 6533 section 3).
func (nt *notice) typed(kind, addr string) string {
	if kind == "" {
		kind = "rfc822"
	}
	if strings.EqualFold(kind, "utf-8") && !nt.utf8 {
		var b strings.Builder
		for _, r := range addr {
			if r <= ' ' || r >= 0x7f || r == '\\' || r == '+' || r == '=' {
				fmt.Fprintf(&b, `\x{%X}`, r)
				continue
			}
			b.WriteRune(r)
		}
		addr = b.String()
	}
	return kind + "; " + addr
}

// oneLine makes a stranger's words fit for a field: one bounded line, ASCII unless the report may hold more.
func (nt *notice) oneLine(s string) string {
	s = strings.Join(strings.Fields(message.DecodeText(s)), " ")
	if !nt.utf8 {
		s = strings.Map(func(r rune) rune {
			if r >= 0x7f {
				return '?'
			}
			return r
		}, s)
	}
	const most = 900
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
