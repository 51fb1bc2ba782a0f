package mailbox

import (
	"cmp"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// tree is the mailboxes of an account. It is never changed once made.
type tree struct {
	metas  map[mail.MailboxID]*meta
	paths  map[mail.MailboxID]string
	ids    map[string]mail.MailboxID // by path
	sorted []mail.MailboxID          // the inbox first, then by path
	kids   map[mail.MailboxID]int    // how many mailboxes are right below one
}

// newTree builds a tree. A mailbox whose parents cannot be followed up is shown at the top.
func newTree(metas map[mail.MailboxID]*meta) *tree {
	t := &tree{
		metas:  metas,
		paths:  make(map[mail.MailboxID]string, len(metas)),
		ids:    make(map[string]mail.MailboxID, len(metas)),
		sorted: make([]mail.MailboxID, 0, len(metas)),
		kids:   map[mail.MailboxID]int{},
	}
	for id, m := range metas {
		p := t.pathOf(m)
		t.paths[id], t.ids[p] = p, id
		t.sorted = append(t.sorted, id)
		if !m.parent.IsZero() {
			t.kids[m.parent]++
		}
	}
	slices.SortFunc(t.sorted, func(a, b mail.MailboxID) int { return comparePaths(t.paths[a], t.paths[b]) })
	return t
}

func (t *tree) pathOf(m *meta) string {
	names := []string{m.name}
	for range MaxDepth {
		up, ok := t.metas[m.parent]
		if !ok {
			break
		}
		m = up
		names = append(names, m.name)
	}
	slices.Reverse(names)
	return strings.Join(names, Separator)
}

// comparePaths orders the inbox and what is below it first, and then level by level.
func comparePaths(a, b string) int {
	if ai, bi := inInbox(a), inInbox(b); ai != bi {
		if ai {
			return -1
		}
		return 1
	}
	for {
		al, ar, am := strings.Cut(a, Separator)
		bl, br, bm := strings.Cut(b, Separator)
		if c := cmp.Compare(al, bl); c != 0 {
			return c
		}
		switch {
		case !am && !bm:
			return 0
		case !am:
			return -1
		case !bm:
			return 1
		}
		a, b = ar, br
	}
}

func inInbox(p string) bool { return p == Inbox || strings.HasPrefix(p, Inbox+Separator) }

// role finds the mailbox with a role.
func (t *tree) role(r mail.Role) (mail.MailboxID, bool) {
	if r == mail.RoleNone {
		return mail.MailboxID{}, false
	}
	for _, id := range t.sorted {
		if t.metas[id].role == r {
			return id, true
		}
	}
	return mail.MailboxID{}, false
}

// with gives a tree with other mailboxes put in or, where a meta is nil, taken out.
func (t *tree) with(changes map[mail.MailboxID]*meta) *tree {
	metas := make(map[mail.MailboxID]*meta, len(t.metas)+len(changes))
	for id, m := range t.metas {
		metas[id] = m
	}
	for id, m := range changes {
		if m == nil {
			delete(metas, id)
			continue
		}
		metas[id] = m
	}
	return newTree(metas)
}

// below reports whether a mailbox is another or below it.
func (t *tree) below(id, top mail.MailboxID) bool {
	for range MaxDepth + 1 {
		if id == top {
			return true
		}
		m, ok := t.metas[id]
		if !ok || m.parent.IsZero() {
			return false
		}
		id = m.parent
	}
	return true
}

// depth is how many levels hang below a mailbox, itself included.
func (t *tree) depth(id mail.MailboxID) int {
	own, deepest := strings.Count(t.paths[id], Separator), 0
	for other, p := range t.paths {
		if t.below(other, id) {
			deepest = max(deepest, strings.Count(p, Separator)-own+1)
		}
	}
	return deepest
}
