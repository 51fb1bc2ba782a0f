package adminapi

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

// NewDomain asks for a domain. With AliasOf every address of it means the same local part there.
type NewDomain struct {
	Name    mail.Domain `json:"name"`
	AliasOf mail.Domain `json:"aliasOf,omitempty"`
}

// AddDomain adds a domain.
func (a *Admin) AddDomain(ctx context.Context, q NewDomain) (Nothing, error) {
	if q.AliasOf != "" {
		return Nothing{}, a.parts.Directory.AddDomainAlias(ctx, q.Name, q.AliasOf)
	}
	return Nothing{}, a.parts.Directory.AddDomain(ctx, q.Name)
}

// DomainName names a domain.
type DomainName struct {
	Name mail.Domain `json:"name"`
}

// RemoveDomain removes a domain without addresses.
func (a *Admin) RemoveDomain(ctx context.Context, q DomainName) (Nothing, error) {
	return Nothing{}, a.parts.Directory.RemoveDomain(ctx, q.Name)
}

// DomainPage asks for domains after a name.
type DomainPage struct {
	After mail.Domain `json:"after,omitempty"`
	Max   int         `json:"max,omitempty"` // 0 means 1000
}

// Domains lists domains.
func (a *Admin) Domains(ctx context.Context, q DomainPage) ([]directory.Domain, error) {
	return a.parts.Directory.Domains(ctx, q.After, atLeastOne(q.Max))
}

// CatchAll asks that an address gets what no other of the domain takes; the zero address that nobody does.
type CatchAll struct {
	Domain mail.Domain  `json:"domain"`
	To     mail.Address `json:"to,omitzero"`
}

// SetCatchAll sets a domain's catch-all.
func (a *Admin) SetCatchAll(ctx context.Context, q CatchAll) (Nothing, error) {
	return Nothing{}, a.parts.Directory.SetCatchAll(ctx, q.Domain, q.To)
}

const pageSize = 1000

func atLeastOne(n int) int {
	if n < 1 || n > pageSize {
		return pageSize
	}
	return n
}
