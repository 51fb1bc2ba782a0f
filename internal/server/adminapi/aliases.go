package adminapi

import (
	"context"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

// NewAlias asks that an address stands for others, ours or elsewhere.
type NewAlias struct {
	Address mail.Address   `json:"address"`
	Targets []mail.Address `json:"targets"`
}

// SetAlias makes or replaces an alias.
func (a *Admin) SetAlias(ctx context.Context, q NewAlias) (Nothing, error) {
	return Nothing{}, a.parts.Directory.SetAlias(ctx, q.Address, q.Targets)
}

// AliasName names an alias or a group.
type AliasName struct {
	Address mail.Address `json:"address"`
}

// RemoveAlias removes an alias.
func (a *Admin) RemoveAlias(ctx context.Context, q AliasName) (Nothing, error) {
	return Nothing{}, a.parts.Directory.RemoveAlias(ctx, q.Address)
}

// Aliases lists aliases.
func (a *Admin) Aliases(ctx context.Context, q ListPage) ([]directory.Alias, error) {
	return a.parts.Directory.Aliases(ctx, q.page())
}

// NewGroup asks for a group.
type NewGroup struct {
	Address mail.Address   `json:"address"`
	Name    string         `json:"name,omitempty"`
	Members []mail.Address `json:"members,omitempty"`
}

// AddGroup adds a group.
func (a *Admin) AddGroup(ctx context.Context, q NewGroup) (Nothing, error) {
	return Nothing{}, a.parts.Directory.AddGroup(ctx, q.Address, q.Name, q.Members)
}

// RemoveGroup removes a group.
func (a *Admin) RemoveGroup(ctx context.Context, q AliasName) (Nothing, error) {
	return Nothing{}, a.parts.Directory.RemoveGroup(ctx, q.Address)
}

// Groups lists groups.
func (a *Admin) Groups(ctx context.Context, q ListPage) ([]directory.Group, error) {
	return a.parts.Directory.Groups(ctx, q.page())
}

// MemberChange asks to put somebody into a group, or take him out.
type MemberChange struct {
	Group  mail.Address `json:"group"`
	Member mail.Address `json:"member"`
	To     Membership   `json:"to"`
}

// ChangeMember changes a group's members.
func (a *Admin) ChangeMember(ctx context.Context, q MemberChange) (Nothing, error) {
	if q.To == Out {
		return Nothing{}, a.parts.Directory.RemoveMember(ctx, q.Group, q.Member)
	}
	return Nothing{}, a.parts.Directory.AddMember(ctx, q.Group, q.Member)
}
