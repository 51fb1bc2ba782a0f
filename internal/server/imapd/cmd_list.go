package imapd

import (
	"context"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/wire/imap"
)

// delimiter stands between the levels of a name.
const delimiter = '/'

// listed is a name that LIST may answer with.
type listed struct {
	path       string
	mb         *mailbox.Mailbox // nil for a subscribed name that no mailbox has
	subscribed bool
}

// cmdList is LIST (RFC 9051 section 6.3.9, RFC 5258, RFC 5819, RFC 6154).
func cmdList(ctx context.Context, s *session, c *imap.Command) (done, error) {
	args, err := c.Parser(s.enc).List()
	if err != nil {
		return done{}, err
	}
	if !args.Extended && args.Patterns[0] == "" {
		s.w.Raw(`* LIST (\Noselect) "/" ""`).CRLF()
		return done{}, nil
	}
	names, err := s.names(ctx, args.SelectSubscribed)
	if err != nil {
		return done{}, err
	}
	patterns := fullPatterns(args)
	if err := affordable(patterns, names); err != nil {
		return done{}, err
	}
	for i, n := range names {
		if !matchesAny(patterns, n.path) {
			continue
		}
		chosen := isSelected(args, n)
		below := args.RecursiveMatch && slices.ContainsFunc(namesBelow(names, i), func(d listed) bool { return isSelected(args, d) })
		if !chosen && !below {
			continue
		}
		s.writeListed(args, n, below)
		if n.mb != nil && len(args.ReturnStatus) > 0 {
			s.writeStatus(*n.mb, args.ReturnStatus)
		}
	}
	return done{}, nil
}

// names lists every mailbox, sorted, and with missing also the names that are subscribed only.
func (s *session) names(ctx context.Context, missing bool) ([]listed, error) {
	boxes, err := s.account.Mailboxes(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]listed, 0, len(boxes))
	have := make(map[string]bool, len(boxes))
	for i := range boxes {
		names = append(names, listed{boxes[i].Path, &boxes[i], boxes[i].Subscribed})
		have[boxes[i].Path] = true
	}
	if !missing {
		return names, nil
	}
	subs, err := s.account.Subscriptions(ctx)
	if err != nil {
		return nil, err
	}
	for _, path := range subs {
		if !have[path] {
			names = append(names, listed{path: path, subscribed: true})
		}
	}
	return names, nil
}

func fullPatterns(args imap.List) []string {
	out := make([]string, 0, len(args.Patterns))
	for _, p := range args.Patterns {
		out = append(out, args.Reference+p)
	}
	return out
}

// maxMatching bounds the bytes of patterns times the bytes of names: what matching costs at worst.
const maxMatching = 1 << 30

// affordable refuses patterns made to be expensive.
func affordable(patterns []string, names []listed) error {
	p, n := 0, 0
	for _, s := range patterns {
		p += len(s)
	}
	for _, l := range names {
		n += len(l.path)
	}
	if p*n > maxMatching {
		return no("LIMIT", "patterns are too long for so many mailboxes")
	}
	return nil
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return imap.MatchMailbox(p, path, delimiter) })
}

// isSelected holds a name to the selection options.
func isSelected(args imap.List, n listed) bool {
	if args.SelectSubscribed && !n.subscribed {
		return false
	}
	return !args.SelectSpecialUse || n.mb != nil && specialUse(n.mb.Role) != ""
}

// namesBelow gives the names under the one at i.
func namesBelow(names []listed, i int) []listed {
	prefix := names[i].path + mailbox.Separator
	var out []listed
	for _, n := range names {
		if strings.HasPrefix(n.path, prefix) {
			out = append(out, n)
		}
	}
	return out
}

func (s *session) writeListed(args imap.List, n listed, below bool) {
	s.w.Raw("* LIST (").Raw(strings.Join(attributes(args, n), " ")).Raw(`) "/" `).Mailbox(n.path)
	if below && args.SelectSubscribed {
		s.w.Raw(` ("CHILDINFO" ("SUBSCRIBED"))`)
	}
	s.w.CRLF()
}

func attributes(args imap.List, n listed) []string {
	var out []string
	switch {
	case n.mb == nil:
		out = append(out, `\NonExistent`)
	case n.mb.HasChildren:
		out = append(out, `\HasChildren`)
	default:
		out = append(out, `\HasNoChildren`)
	}
	if args.ReturnSubscribed && n.subscribed {
		out = append(out, `\Subscribed`)
	}
	if n.mb != nil && n.mb.Role != mail.RoleNone {
		if use := specialUse(n.mb.Role); use != "" {
			out = append(out, use)
		}
	}
	return out
}

// cmdLSub is LSUB (RFC 3501 section 6.3.9). A name above a subscribed one is told as \Noselect if the pattern stops
// there ("%").
func cmdLSub(ctx context.Context, s *session, c *imap.Command) (done, error) {
	args, err := c.Parser(s.enc).LSub()
	if err != nil {
		return done{}, err
	}
	names, err := s.names(ctx, true)
	if err != nil {
		return done{}, err
	}
	patterns := fullPatterns(args)
	if err := affordable(patterns, names); err != nil {
		return done{}, err
	}
	told := map[string]bool{}
	var above []string
	for _, n := range names {
		if !n.subscribed {
			continue
		}
		if matchesAny(patterns, n.path) {
			told[n.path] = true
			s.w.Raw(`* LSUB () "/" `).Mailbox(n.path).CRLF()
			continue
		}
		for path := n.path; strings.Contains(path, mailbox.Separator); {
			path = path[:strings.LastIndex(path, mailbox.Separator)]
			if matchesAny(patterns, path) {
				above = append(above, path)
			}
		}
	}
	for _, path := range above {
		if !told[path] {
			told[path] = true
			s.w.Raw(`* LSUB (\Noselect) "/" `).Mailbox(path).CRLF()
		}
	}
	return done{}, nil
}
