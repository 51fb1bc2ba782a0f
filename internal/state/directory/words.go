package directory

import (
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Tenant is an organisation whose domains and accounts are kept apart from others'. There is one so far, DefaultTenant.
type Tenant string

// DefaultTenant owns everything until there are more tenants.
const DefaultTenant Tenant = "default"

// Domain is a domain of ours.
type Domain struct {
	Name    mail.Domain `json:"name"`
	Tenant  Tenant      `json:"tenant"`
	Created time.Time   `json:"created"`
	// AliasOf makes every address of this domain mean the same local part at another domain of ours; empty for a domain with
	// addresses of its own.
	AliasOf mail.Domain `json:"aliasOf,omitempty"`
	// CatchAll gets what no other address of the domain takes; zero for none.
	CatchAll mail.Address `json:"catchAll,omitzero"`
}

// Quota bounds an account's mail. Zero is no bound.
type Quota struct {
	Bytes  int64 `json:"bytes,omitempty"`
	Emails int64 `json:"emails,omitempty"`
}

// SendLimit bounds what an account may send. Zero is no bound of that sort beyond the server's own.
type SendLimit struct {
	RecipientsPerHour int `json:"recipientsPerHour,omitempty"`
	RecipientsPerDay  int `json:"recipientsPerDay,omitempty"`
}

// Status is what an account may do.
type Status string

// The statuses.
const (
	// Active accounts log in and get mail.
	Active Status = "active"
	// NoLogin accounts get mail, but cannot log in.
	NoLogin Status = "no-login"
	// Disabled accounts neither log in nor get mail (5.2.1).
	Disabled Status = "disabled"
)

// Account is one person's or role's mail.
type Account struct {
	ID     mail.AccountID `json:"id"`
	Tenant Tenant         `json:"tenant"`
	// Addresses are the account's own; the first is the primary one, its name in logs and lists. Never empty.
	Addresses []mail.Address `json:"addresses"`
	Name      string         `json:"name,omitempty"` // the person's, for From fields we complete
	Lang      text.Lang      `json:"lang"`
	Quota     Quota          `json:"quota,omitzero"`
	SendLimit SendLimit      `json:"sendLimit,omitzero"`
	Status    Status         `json:"status"`
	Created   time.Time      `json:"created"`
}

// Login is the primary address as text.
func (a Account) Login() string {
	if len(a.Addresses) == 0 {
		return ""
	}
	return a.Addresses[0].String()
}

// Alias is an address that stands for others, ours or elsewhere.
type Alias struct {
	Address mail.Address   `json:"address"`
	Targets []mail.Address `json:"targets"`
	Created time.Time      `json:"created"`
}

// Group is an address that stands for its members, which change one by one. Nobody sends as a group.
type Group struct {
	Address mail.Address   `json:"address"`
	Name    string         `json:"name,omitempty"`
	Members []mail.Address `json:"members"`
	Created time.Time      `json:"created"`
}

// Resolution is who gets what is sent to an address. It is shared: do not change it.
type Resolution struct {
	// Ours is whether the address's domain is ours; if not, all else is empty.
	Ours bool
	// Locals are the accounts that get the message, each once.
	Locals []Local
	// Remotes are addresses elsewhere that get it, each once.
	Remotes []mail.Address
	// Via are the aliases, groups and catch-alls passed on the way.
	Via []mail.Address

	shape shape
}

// Local is one account that gets a message.
type Local struct {
	Account mail.AccountID
	// Address is the account's own address at which the message arrived.
	Address mail.Address
	// Tag is what followed the separator in the address as it was given ("tag" of name+tag@example.org).
	Tag  string
	Lang text.Lang
}

// shape says how an address was found.
type shape uint8

const (
	viaGroup shape = 1 << iota
	viaCatchAll
	viaRole
)
