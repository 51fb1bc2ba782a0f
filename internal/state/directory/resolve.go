package directory

import (
	"context"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// Bounds of one resolution.
const (
	maxDepth      = 10   // aliases and groups within each other
	maxRecipients = 5000 // in the end
)

// resolver follows one address to all who get what is sent to it.
type resolver struct {
	r        *reader
	res      Resolution
	seen     map[string]struct{} // keys of names passed and of remotes, ids of accounts; nil until there is more than one
	disabled bool
}

// Resolve finds who gets what is sent to an address: the account, alias or group of that name; else that of the name without
// its subaddress; else, for postmaster and abuse, who is in charge (RFC 5321 section 4.5.1, RFC 2142); else the domain's catch-all.
// If the domain is an alias, all this at the domain it means.
//
// It fails with KindNoSuchUser if the domain is ours and nobody is there, with KindDisabled if all who are there are disabled, and
// with KindLimit if the address means too many. An address without a domain is allowed for postmaster.
func (d *Directory) Resolve(ctx context.Context, a mail.Address) (Resolution, error) {
	s := &resolver{r: d.reader()}
	defer s.r.close()
	ours, err := s.isOurs(ctx, a)
	if err != nil || !ours {
		return Resolution{}, err
	}
	s.res.Ours = true
	found, err := s.address(ctx, a, "", 0)
	switch {
	case err != nil:
		return Resolution{Ours: true}, err
	case len(s.res.Locals)+len(s.res.Remotes) > 0:
		return s.res, nil
	case found && s.disabled:
		return Resolution{Ours: true}, mail.Refuse(mail.KindDisabled, "this mailbox is disabled")
	}
	return Resolution{Ours: true}, mail.Refuse(mail.KindNoSuchUser, "there is no such address here")
}

func (s *resolver) isOurs(ctx context.Context, a mail.Address) (bool, error) {
	if a.Domain == "" {
		if !strings.EqualFold(a.Local, "postmaster") {
			return false, mail.Refuse(mail.KindBadAddress, "an address needs a domain")
		}
		return true, nil
	}
	dom, err := s.r.domain(ctx, a.Domain)
	if err != nil {
		return false, err
	}
	return dom != nil || a.Domain == s.r.d.o.Hostname && isRole(a.Local), nil
}

// isRole reports whether the address is one that every domain must have.
func isRole(local string) bool {
	return strings.EqualFold(local, "postmaster") || strings.EqualFold(local, "abuse")
}

// address adds who an address means. It reports whether the address is there at all, even if nobody gets anything.
func (s *resolver) address(ctx context.Context, a mail.Address, tag string, depth int) (bool, error) {
	if depth > maxDepth {
		return true, mail.Refuse(mail.KindLimit, "this address leads through too many aliases")
	}
	dom, err := s.r.domain(ctx, a.Domain)
	if err != nil {
		return false, err
	}
	if dom == nil {
		if depth > 0 && a.Domain != s.r.d.o.Hostname {
			return true, s.remote(a)
		}
		return s.role(ctx, nil, a, depth)
	}
	if dom.AliasOf != "" { // then it has no addresses of its own
		return s.address(ctx, mail.Address{Local: a.Local, Domain: dom.AliasOf}, tag, depth+1)
	}
	if found, err := s.name(ctx, a, tag, depth); found || err != nil {
		return found, err
	}
	if base, sub, ok := s.split(a); ok {
		if tag == "" {
			tag = sub
		}
		if found, err := s.name(ctx, base, tag, depth); found || err != nil {
			return found, err
		}
	}
	if found, err := s.role(ctx, dom, a, depth); found || err != nil {
		return found, err
	}
	return s.catchAll(ctx, dom, depth)
}

// split takes the subaddress off (RFC 5233).
func (s *resolver) split(a mail.Address) (base mail.Address, tag string, ok bool) {
	i := strings.IndexByte(a.Local, s.r.d.o.Separator)
	if i <= 0 {
		return a, "", false
	}
	return mail.Address{Local: a.Local[:i], Domain: a.Domain}, a.Local[i+1:], true
}

// name adds what a name row says, if there is one.
func (s *resolver) name(ctx context.Context, a mail.Address, tag string, depth int) (bool, error) {
	n, err := s.r.name(ctx, a)
	if err != nil || n == nil {
		return false, err
	}
	if n.kind == nameAccount {
		return s.account(ctx, n.account, a, tag)
	}
	if !s.first(string(nameKey(a))) {
		return true, nil // been here: a loop, or two ways to the same
	}
	s.res.Via = append(s.res.Via, a)
	if n.kind == nameGroup {
		s.res.shape |= viaGroup
	}
	for _, to := range n.targets() {
		if _, err := s.address(ctx, to, tag, depth+1); err != nil {
			return true, err
		}
	}
	return true, nil
}

// account adds an account, once. A name whose account is gone is as good as not there.
func (s *resolver) account(ctx context.Context, id mail.AccountID, a mail.Address, tag string) (bool, error) {
	row, err := s.r.account(ctx, id)
	if err != nil || row == nil {
		return false, err
	}
	if row.Status == Disabled {
		s.disabled = true
		return true, nil
	}
	if s.has(id) {
		return true, nil
	}
	s.res.Locals = append(s.res.Locals, Local{Account: id, Address: row.spelled(a), Tag: tag, Lang: row.Lang})
	return true, s.bounded()
}

// has reports whether an account is among the locals already. The first few are compared one by one, so that the common case
// needs no map.
func (s *resolver) has(id mail.AccountID) bool {
	const few = 8
	for i := range min(few, len(s.res.Locals)) {
		if s.res.Locals[i].Account == id {
			return true
		}
	}
	return len(s.res.Locals) >= few && !s.first(string(id.ID[:]))
}

// spelled is the address as the account has it.
func (a *Account) spelled(as mail.Address) mail.Address {
	for _, own := range a.Addresses {
		if sameAddress(own, as) {
			return own
		}
	}
	return as
}

func (s *resolver) remote(a mail.Address) error {
	if !s.first("@" + string(nameKey(a))) {
		return nil
	}
	s.res.Remotes = append(s.res.Remotes, a)
	return s.bounded()
}

func (s *resolver) bounded() error {
	if len(s.res.Locals)+len(s.res.Remotes) > maxRecipients {
		return mail.Refuse(mail.KindLimit, "this address means too many recipients")
	}
	return nil
}

// first reports whether a key is seen for the first time.
func (s *resolver) first(key string) bool {
	if _, ok := s.seen[key]; ok {
		return false
	}
	if s.seen == nil {
		s.seen = make(map[string]struct{})
	}
	s.seen[key] = struct{}{}
	return true
}

// role finds who is in charge, for postmaster and abuse.
func (s *resolver) role(ctx context.Context, dom *Domain, a mail.Address, depth int) (bool, error) {
	if !isRole(a.Local) {
		return false, nil
	}
	s.res.shape |= viaRole
	if boss := s.r.d.o.Postmaster; !boss.IsNull() && !sameAddress(boss, a) && s.first("role") {
		if _, err := s.address(ctx, boss, "", depth+1); err != nil {
			return true, err
		}
		if len(s.res.Locals)+len(s.res.Remotes) > 0 {
			return true, nil
		}
	}
	if dom != nil {
		if found, err := s.catchAll(ctx, dom, depth); found || err != nil {
			return found, err
		}
	}
	return s.oldest(ctx, a)
}

// catchAll adds who gets what nobody else takes.
func (s *resolver) catchAll(ctx context.Context, dom *Domain, depth int) (bool, error) {
	if dom.CatchAll.IsNull() || !s.first("*"+string(dom.Name)) {
		return false, nil
	}
	s.res.shape |= viaCatchAll
	s.res.Via = append(s.res.Via, dom.CatchAll)
	return s.address(ctx, dom.CatchAll, "", depth+1)
}

// oldest adds the first account that was made and is not disabled: as a rule the operator's own. Of several made in the same
// millisecond it is the first by its address.
func (s *resolver) oldest(ctx context.Context, a mail.Address) (bool, error) {
	if err := s.r.open(ctx); err != nil {
		return false, err
	}
	var found *Account
	r := store.PrefixRange(partition.Key(rowAccount))
	err := s.r.view.Scan(ctx, r, func(_, v []byte) (bool, error) {
		row, err := decodeAccount(v)
		if err != nil {
			return false, damaged(err)
		}
		switch {
		case row.Status == Disabled:
		case found == nil:
			found = row
		case row.ID.Time().After(found.ID.Time()):
			return false, nil
		case row.Login() < found.Login():
			found = row
		}
		return true, nil
	})
	if err != nil || found == nil {
		return false, err
	}
	return s.account(ctx, found.ID, found.Addresses[0], "")
}

// MaySend fails with KindSenderNotYours unless the account may use the address as a sender: its own addresses, also with a
// subaddress or through a domain alias, and aliases that mean this account alone; not groups, not a domain of which it is
// the catch-all, where others may have addresses, and not a postmaster it was not made by an alias. The null path, which claims nothing,
// is allowed.
func (d *Directory) MaySend(ctx context.Context, id mail.AccountID, from mail.Address) error {
	if from.IsNull() {
		return nil
	}
	res, err := d.Resolve(ctx, from)
	if err != nil && mail.AsFault(err).Kind.Temporary() {
		return err
	}
	own := err == nil && res.shape == 0 && len(res.Locals) == 1 && len(res.Remotes) == 0 && res.Locals[0].Account == id
	if !own {
		return mail.Refusef(mail.KindSenderNotYours, "%s is not your address", from.String())
	}
	return nil
}
