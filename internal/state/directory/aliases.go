package directory

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// maxTargets bounds the targets of one alias and the members of one group.
const maxTargets = 2000

// SetAlias makes an address stand for others, and replaces what it stood for as an alias before. KindExists if the address is an
// account's or a group's.
func (d *Directory) SetAlias(ctx context.Context, a mail.Address, targets []mail.Address) error {
	targets, err := cleanTargets(a, targets)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return mail.Refuse(mail.KindSyntax, "an alias needs a target other than itself")
	}
	return d.change(ctx, func(t *tx) error {
		old, err := t.name(ctx, a)
		if err != nil {
			return err
		}
		n := &nameRow{kind: nameAlias, alias: Alias{Address: a, Targets: targets, Created: d.o.Clock.Now().UTC()}}
		if old == nil || old.kind != nameAlias {
			return t.takeAddress(ctx, a, n)
		}
		n.alias.Created = old.alias.Created
		return t.putName(a, n)
	})
}

// cleanTargets drops what is said twice, and the address itself.
func cleanTargets(a mail.Address, targets []mail.Address) ([]mail.Address, error) {
	var out []mail.Address
	seen := map[string]bool{string(nameKey(a)): true}
	for _, to := range targets {
		if to.Local == "" || to.Domain == "" {
			return nil, mail.Refuse(mail.KindSyntax, "not an address")
		}
		if k := string(nameKey(to)); !seen[k] {
			seen[k] = true
			out = append(out, to)
		}
	}
	if len(out) > maxTargets {
		return nil, mail.Refusef(mail.KindLimit, "at most %d addresses", maxTargets)
	}
	return out, nil
}

// RemoveAlias removes an alias.
func (d *Directory) RemoveAlias(ctx context.Context, a mail.Address) error {
	return d.removeName(ctx, a, nameAlias)
}

func (d *Directory) removeName(ctx context.Context, a mail.Address, k nameKind) error {
	return d.change(ctx, func(t *tx) error {
		if _, err := t.nameOf(ctx, a, k); err != nil {
			return err
		}
		t.delete(nameKey(a))
		return nil
	})
}

// nameOf finds a name that must be there and of the kind.
func (t *tx) nameOf(ctx context.Context, a mail.Address, k nameKind) (*nameRow, error) {
	n, err := t.name(ctx, a)
	if err != nil {
		return nil, err
	}
	if n == nil || n.kind != k {
		what := "alias"
		if k == nameGroup {
			what = "group"
		}
		return nil, mail.Refusef(mail.KindNotFound, "there is no %s %s", what, a.Unicode())
	}
	return n, nil
}

// AddGroup adds a group. KindExists if the address is taken.
func (d *Directory) AddGroup(ctx context.Context, a mail.Address, name string, members []mail.Address) error {
	members, err := cleanTargets(a, members)
	if err != nil {
		return err
	}
	g := Group{Address: a, Name: name, Members: members, Created: d.o.Clock.Now().UTC()}
	return d.change(ctx, func(t *tx) error {
		return t.takeAddress(ctx, a, &nameRow{kind: nameGroup, group: g})
	})
}

// RemoveGroup removes a group.
func (d *Directory) RemoveGroup(ctx context.Context, a mail.Address) error {
	return d.removeName(ctx, a, nameGroup)
}

// AddMember adds a member, ours, elsewhere or a group, to a group; nothing happens if it is one.
func (d *Directory) AddMember(ctx context.Context, group, member mail.Address) error {
	return d.change(ctx, func(t *tx) error {
		n, err := t.nameOf(ctx, group, nameGroup)
		if err != nil {
			return err
		}
		members, err := cleanTargets(group, append(n.group.Members, member))
		if err != nil || len(members) == len(n.group.Members) {
			return err
		}
		n.group.Members = members
		return t.putName(group, n)
	})
}

// RemoveMember takes a member out of a group; KindNotFound if it is not one.
func (d *Directory) RemoveMember(ctx context.Context, group, member mail.Address) error {
	return d.change(ctx, func(t *tx) error {
		n, err := t.nameOf(ctx, group, nameGroup)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(n.group.Members, func(m mail.Address) bool { return sameAddress(m, member) })
		if i < 0 {
			return mail.Refusef(mail.KindNotFound, "%s is not in %s", member.Unicode(), group.Unicode())
		}
		n.group.Members = slices.Delete(n.group.Members, i, i+1)
		return t.putName(group, n)
	})
}

// Group reads a group; KindNotFound if there is none of the address. Its members are shared: do not change them.
func (d *Directory) Group(ctx context.Context, a mail.Address) (Group, error) {
	r := d.reader()
	defer r.close()
	n, err := r.name(ctx, a)
	if err != nil {
		return Group{}, err
	}
	if n == nil || n.kind != nameGroup {
		return Group{}, mail.Refusef(mail.KindNotFound, "there is no group %s", a.Unicode())
	}
	return n.group, nil
}
