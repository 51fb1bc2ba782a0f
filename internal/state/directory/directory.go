package directory

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// Options of a directory. Zero values are sensible.
type Options struct {
	Clock   clock.Clock
	Log     *slog.Logger
	MailLog *obs.MailLog // hears of every login, good or bad: servers need not log them again
	// Guard slows and locks logins after failures; nil for no such thing.
	Guard Guard
	// Hostname is this server's own name: postmaster@ and abuse@ it are taken, even if it is no domain of ours.
	Hostname mail.Domain
	// DefaultDomain completes login names without a domain; empty refuses them.
	DefaultDomain mail.Domain
	// Postmaster gets mail for postmaster@ and abuse@ of every domain that has no such address of its own; if it is zero, the
	// domain's catch-all, else the oldest account of the directory gets it.
	Postmaster mail.Address
	// Separator splits a subaddress (RFC 5233); 0 means '+'.
	Separator byte
	// Hash says how passwords are kept.
	Hash Hash
	// Births adds a new account's mailboxes to the commit that creates it; Deaths adds their removal to the commit that removes it.
	Births func(b *store.Batch, a Account)
	Deaths func(ctx context.Context, b *store.Batch, id mail.AccountID) error
	// CacheEntries bounds each cache; 0 means 65536.
	CacheEntries int
}

// Hash says how new passwords are kept; old ones keep what was chosen then.
type Hash struct {
	MemoryKiB       uint32 // argon2id's memory; 0 means 19456 (19 MiB)
	Passes          uint32 // argon2id's passes; 0 means 2
	Threads         uint8  // argon2id's lanes; 0 means 1
	Concurrent      int    // hashes computed at the same time; 0 means one per processor
	ScramIterations int    // 0 means DefaultScramIterations
}

// Guard slows and locks logins.
type Guard interface {
	// Wait returns nil when a login from the address for the account may be checked, after a delay if there were failures before; or
	// a fault of KindLoginLater while it is locked. Account is the name as the client gave it, in lower case.
	Wait(ctx context.Context, remote netip.Addr, account string) error
	// Failed and Succeeded tell how it ended.
	Failed(remote netip.Addr, account string)
	Succeeded(remote netip.Addr, account string)
}

// Directory is open until Close. It is safe for many goroutines.
type Directory struct {
	st store.Store
	o  Options
}

// Open reads what must be there and starts listening to changes made elsewhere.
func Open(ctx context.Context, st store.Store, o Options) (*Directory, error) {
	return &Directory{st: st, o: o}, nil
}

// Close ends the listening.
func (d *Directory) Close() {}

var errTodo = mail.Refuse(mail.KindUnsupported, "not yet")

// Domain finds a domain of ours; false if it is not.
func (d *Directory) Domain(ctx context.Context, name mail.Domain) (Domain, bool, error) {
	return Domain{}, false, errTodo
}

// Resolve finds who gets what is sent to an address. It fails with KindNoSuchUser if the domain is ours and nobody is
// there, with KindDisabled if all who are there are disabled, and with KindLimit if it means too many.
// An address without a domain is allowed for postmaster (RFC 5321 section 4.5.1).
func (d *Directory) Resolve(ctx context.Context, a mail.Address) (Resolution, error) {
	return Resolution{}, errTodo
}

// MaySend fails with KindSenderNotYours unless the account may use the address as a sender: its own addresses, also with a
// subaddress or through a domain alias, and aliases that mean this account alone. The null path is allowed.
func (d *Directory) MaySend(ctx context.Context, id mail.AccountID, from mail.Address) error {
	return errTodo
}

// Account finds an account; KindNotFound if it is not there.
func (d *Directory) Account(ctx context.Context, id mail.AccountID) (Account, error) {
	return Account{}, errTodo
}

// ByAddress finds the account that has an address for its own; KindNotFound if none has.
func (d *Directory) ByAddress(ctx context.Context, a mail.Address) (Account, error) {
	return Account{}, errTodo
}

// Attempt is where logins come from.
type Attempt struct {
	Protocol obs.Proto
	Remote   netip.Addr
	TLS      uint16 // version as crypto/tls gives it; 0 for none
}

// Login gives the backend for the logins of one connection.
func (d *Directory) Login(at Attempt) *LoginSession { return &LoginSession{} }

// LoginSession checks the logins of one connection. It implements sasl.Backend and is used by one goroutine.
type LoginSession struct{}

// Plain implements sasl.Backend; also for USER/PASS and LOGIN commands, with an empty authzid.
func (l *LoginSession) Plain(ctx context.Context, authzid, user, password string) (sasl.Identity, error) {
	return sasl.Identity{}, errTodo
}

// Scram implements sasl.Backend.
func (l *LoginSession) Scram(ctx context.Context, user string) (sasl.ScramKeys, error) {
	return sasl.ScramKeys{}, errTodo
}

// ScramDone implements sasl.Backend.
func (l *LoginSession) ScramDone(ctx context.Context, authzid, user string, o sasl.Outcome) (sasl.Identity, error) {
	return sasl.Identity{}, errTodo
}

// Page chooses a part of a list, which is in the order of domain, then local part.
type Page struct {
	Domain mail.Domain  // only this domain's; empty for all
	After  mail.Address // what the last page ended with; zero for the first page
	Max    int          // 0 means 100
}

// AddDomain adds a domain. KindExists if it is there.
func (d *Directory) AddDomain(ctx context.Context, name mail.Domain) error { return errTodo }

// AddDomainAlias adds a domain whose addresses mean those of another.
func (d *Directory) AddDomainAlias(ctx context.Context, name, of mail.Domain) error { return errTodo }

// RemoveDomain removes a domain without addresses; KindConflict... KindNotAllowed if it has some, or is the target of an alias.
func (d *Directory) RemoveDomain(ctx context.Context, name mail.Domain) error { return errTodo }

// Domains lists at most limit domains after the given one, in order.
func (d *Directory) Domains(ctx context.Context, after mail.Domain, limit int) ([]Domain, error) {
	return nil, errTodo
}

// SetCatchAll sets who gets what no other address of the domain takes; the zero address ends that.
func (d *Directory) SetCatchAll(ctx context.Context, name mail.Domain, to mail.Address) error {
	return errTodo
}

// NewAccount is what an account is born with.
type NewAccount struct {
	Addresses []mail.Address // at least one, at domains of ours
	Password  string         // empty for none: nobody can log in yet
	Name      string
	Lang      text.Lang
	Quota     Quota
	SendLimit SendLimit
}

// AddAccount adds an account with its mailboxes. KindExists if one of its addresses is taken; KindNoSuchDomain if a domain is not
// ours.
func (d *Directory) AddAccount(ctx context.Context, n NewAccount) (Account, error) {
	return Account{}, errTodo
}

// DeleteAccount removes an account, its addresses and all its mail.
func (d *Directory) DeleteAccount(ctx context.Context, id mail.AccountID) error { return errTodo }

// Accounts lists accounts by their primary addresses.
func (d *Directory) Accounts(ctx context.Context, p Page) ([]Account, error) { return nil, errTodo }

// SetPassword changes the password. From then on the old one is worth nothing.
func (d *Directory) SetPassword(ctx context.Context, id mail.AccountID, password string) error {
	return errTodo
}

// SetStatus switches an account on or off.
func (d *Directory) SetStatus(ctx context.Context, id mail.AccountID, s Status) error {
	return errTodo
}

// ChangeAccount changes Name, Lang, Quota and SendLimit of an account: change gets the current ones. It may run more than once.
func (d *Directory) ChangeAccount(ctx context.Context, id mail.AccountID, change func(*Account)) error {
	return errTodo
}

// AddAddress gives an account one more address.
func (d *Directory) AddAddress(ctx context.Context, id mail.AccountID, a mail.Address) error {
	return errTodo
}

// RemoveAddress takes an address from an account; not its last one.
func (d *Directory) RemoveAddress(ctx context.Context, id mail.AccountID, a mail.Address) error {
	return errTodo
}

// SetAlias makes an address stand for others, and replaces what it stood for as an alias before. KindExists if the address is an
// account's or a group's.
func (d *Directory) SetAlias(ctx context.Context, a mail.Address, targets []mail.Address) error {
	return errTodo
}

// RemoveAlias removes an alias.
func (d *Directory) RemoveAlias(ctx context.Context, a mail.Address) error { return errTodo }

// Aliases lists aliases.
func (d *Directory) Aliases(ctx context.Context, p Page) ([]Alias, error) { return nil, errTodo }

// AddGroup adds a group.
func (d *Directory) AddGroup(ctx context.Context, a mail.Address, name string, members []mail.Address) error {
	return errTodo
}

// RemoveGroup removes a group.
func (d *Directory) RemoveGroup(ctx context.Context, a mail.Address) error { return errTodo }

// AddMember adds a member to a group; nothing happens if it is one.
func (d *Directory) AddMember(ctx context.Context, group, member mail.Address) error { return errTodo }

// RemoveMember takes a member out of a group; KindNotFound if it is not one.
func (d *Directory) RemoveMember(ctx context.Context, group, member mail.Address) error {
	return errTodo
}

// Group reads a group.
func (d *Directory) Group(ctx context.Context, a mail.Address) (Group, error) {
	return Group{}, errTodo
}

// Groups lists groups.
func (d *Directory) Groups(ctx context.Context, p Page) ([]Group, error) { return nil, errTodo }

// verifiedFor is how long a verified login is remembered.
const verifiedFor = 10 * time.Minute
