package directory

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Page chooses a part of a list, which is in the order of domain, then local part.
type Page struct {
	Domain mail.Domain  // only this domain's; empty for all
	After  mail.Address // what the last page ended with; zero for the first page
	Max    int          // 0 means 100
}

const (
	defaultPage = 100
	maxPage     = 10_000
)

func pageSize(n int) int {
	if n <= 0 {
		return defaultPage
	}
	return min(n, maxPage)
}

// namesOf is the keys of a domain's addresses; of all addresses if it is empty.
func namesOf(d mail.Domain) store.Range {
	if d == "" {
		return store.PrefixRange(textKey(rowName, ""))
	}
	return store.PrefixRange(textKey(rowName, string(d)+string(rune(nameSeparator))))
}

func (p Page) keys() store.Range {
	r := namesOf(p.Domain)
	if !p.After.IsNull() {
		r.Start = append(nameKey(p.After), 0) // the next key after it
	}
	return r
}

// Domains lists at most limit domains after the given one, in order; limit 0 means 100.
func (d *Directory) Domains(ctx context.Context, after mail.Domain, limit int) ([]Domain, error) {
	r := store.PrefixRange(textKey(rowDomain, ""))
	if after != "" {
		r.Start = append(domainKey(after), 0)
	}
	limit = pageSize(limit)
	var out []Domain
	err := d.scan(ctx, r, func(_ store.View, v []byte) (bool, error) {
		row, err := decodeDomain(v)
		if err != nil {
			return false, damaged(err)
		}
		out = append(out, *row)
		return len(out) < limit, nil
	})
	return out, err
}

// Accounts lists accounts by their primary addresses.
func (d *Directory) Accounts(ctx context.Context, p Page) ([]Account, error) {
	limit := pageSize(p.Max)
	var out []Account
	err := d.scanNames(ctx, p, nameAccount, func(view store.View, n *nameRow) (bool, error) {
		if !n.primary {
			return true, nil
		}
		v, err := view.Get(ctx, accountKey(n.account))
		if err != nil {
			return false, unavailable(err)
		}
		a, err := decodeAccount(v)
		if err != nil {
			return false, damaged(err)
		}
		out = append(out, *a)
		return len(out) < limit, nil
	})
	return out, err
}

// Aliases lists aliases.
func (d *Directory) Aliases(ctx context.Context, p Page) ([]Alias, error) {
	limit := pageSize(p.Max)
	var out []Alias
	err := d.scanNames(ctx, p, nameAlias, func(_ store.View, n *nameRow) (bool, error) {
		out = append(out, n.alias)
		return len(out) < limit, nil
	})
	return out, err
}

// Groups lists groups.
func (d *Directory) Groups(ctx context.Context, p Page) ([]Group, error) {
	limit := pageSize(p.Max)
	var out []Group
	err := d.scanNames(ctx, p, nameGroup, func(_ store.View, n *nameRow) (bool, error) {
		out = append(out, n.group)
		return len(out) < limit, nil
	})
	return out, err
}

func (d *Directory) scanNames(ctx context.Context, p Page, k nameKind, fn func(store.View, *nameRow) (bool, error)) error {
	return d.scan(ctx, p.keys(), func(view store.View, v []byte) (bool, error) {
		if len(v) == 0 || nameKind(v[0]) != k {
			return true, nil
		}
		n, err := decodeName(v)
		if err != nil {
			return false, damaged(err)
		}
		return fn(view, n)
	})
}

// scan reads a range from one view, past the cache.
func (d *Directory) scan(ctx context.Context, r store.Range, fn func(view store.View, value []byte) (bool, error)) error {
	view, err := d.st.View(ctx)
	if err != nil {
		return unavailable(err)
	}
	defer view.Close()
	return view.Scan(ctx, r, func(_, v []byte) (bool, error) { return fn(view, v) })
}
