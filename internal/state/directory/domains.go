package directory

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// AddDomain adds a domain. KindExists if it is there.
func (d *Directory) AddDomain(ctx context.Context, name mail.Domain) error {
	return d.addDomain(ctx, Domain{Name: name})
}

// AddDomainAlias adds a domain whose addresses mean those of another, which must be there and be no alias itself.
func (d *Directory) AddDomainAlias(ctx context.Context, name, of mail.Domain) error {
	return d.addDomain(ctx, Domain{Name: name, AliasOf: of})
}

func (d *Directory) addDomain(ctx context.Context, row Domain) error {
	if _, literal := row.Name.Literal(); literal || !row.Name.Conforms() {
		return mail.Refuse(mail.KindSyntax, "not a domain name")
	}
	row.Tenant, row.Created = DefaultTenant, d.o.Clock.Now().UTC()
	return d.change(ctx, func(t *tx) error {
		old, err := t.domain(ctx, row.Name)
		if err != nil {
			return err
		}
		if old != nil {
			return mail.Refusef(mail.KindExists, "%s is a domain of this server already", row.Name.Unicode())
		}
		if row.AliasOf != "" {
			if _, err := t.home(ctx, row.AliasOf); err != nil {
				return err
			}
		}
		return t.put(domainKey(row.Name), row)
	})
}

// RemoveDomain removes a domain. KindNotFound if it is not there, KindNotAllowed if it still has addresses or domain aliases.
func (d *Directory) RemoveDomain(ctx context.Context, name mail.Domain) error {
	return d.change(ctx, func(t *tx) error {
		row, err := t.domain(ctx, name)
		if err != nil {
			return err
		}
		if row == nil {
			return mail.Refusef(mail.KindNotFound, "%s is not a domain of this server", name.Unicode())
		}
		used, err := t.any(ctx, namesOf(name))
		if err != nil {
			return err
		}
		if used {
			return mail.Refusef(mail.KindNotAllowed, "%s still has addresses", name.Unicode())
		}
		alias, err := t.domainAliasOf(ctx, name)
		if err != nil {
			return err
		}
		if alias != "" {
			return mail.Refusef(mail.KindNotAllowed, "%s is an alias of %s", alias.Unicode(), name.Unicode())
		}
		t.delete(domainKey(name))
		return nil
	})
}

// domainAliasOf finds a domain that is an alias of another; empty if there is none.
func (t *tx) domainAliasOf(ctx context.Context, of mail.Domain) (mail.Domain, error) {
	var found mail.Domain
	err := t.view.Scan(ctx, store.PrefixRange(textKey(rowDomain, "")), func(_, v []byte) (bool, error) {
		row, err := decodeDomain(v)
		if err != nil {
			return false, damaged(err)
		}
		if row.AliasOf == of {
			found = row.Name
		}
		return found == "", nil
	})
	return found, err
}

// SetCatchAll sets who gets what no other address of the domain takes, an address of ours or elsewhere; the zero address ends that.
func (d *Directory) SetCatchAll(ctx context.Context, name mail.Domain, to mail.Address) error {
	return d.change(ctx, func(t *tx) error {
		row, err := t.home(ctx, name)
		if err != nil {
			return err
		}
		row.CatchAll = to
		return t.put(domainKey(name), row)
	})
}
