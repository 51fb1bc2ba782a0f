package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// Attempt is where logins come from.
type Attempt struct {
	Protocol obs.Proto
	Remote   netip.Addr
	TLS      uint16 // version as crypto/tls gives it; 0 for none
}

// LoginSession checks the logins of one connection. It implements sasl.Backend and is used by one goroutine.
type LoginSession struct {
	d  *Directory
	at Attempt

	// Between Scram and ScramDone: whom the keys were given for.
	scram *candidate
	// granted is who was let in last.
	granted *candidate
}

// Login gives the backend for the logins of one connection.
func (d *Directory) Login(at Attempt) *LoginSession { return &LoginSession{d: d, at: at} }

// candidate is who a name may be. For a name that is nobody's everything is there too, but fits nothing.
type candidate struct {
	name     string         // as given
	counted  string         // by which failures are counted
	id       mail.AccountID // made up, and always the same, if there is none
	account  *Account       // nil if there is none
	password *password
}

// lookup finds who a name is: an account's address in any case, or its local part at the default domain. A name that is nobody's costs
// the same reads.
func (l *LoginSession) lookup(ctx context.Context, user string) (*candidate, error) {
	r := l.d.reader()
	defer r.close()
	id, counted, err := l.find(ctx, r, user)
	if err != nil {
		return nil, err
	}
	if id.IsZero() {
		copy(id.ID[:], l.d.fake("account", counted))
	}
	c := &candidate{name: user, counted: counted, id: id}
	if c.account, err = r.account(ctx, id); err != nil {
		return nil, err
	}
	if c.password, err = r.password(ctx, id); err != nil {
		return nil, err
	}
	if c.account == nil {
		c.password = nil
		return c, nil
	}
	c.counted = c.account.Login()
	return c, nil
}

// find finds the account of a login name; zero if there is none. Canonical is the same for all ways to write a name, whether there is
// such an account or not.
func (l *LoginSession) find(ctx context.Context, r *reader, user string) (id mail.AccountID, canonical string, err error) {
	name, err := sasl.PrepareName(user)
	if err != nil {
		name = user
	}
	if !strings.Contains(name, "@") && l.d.o.DefaultDomain != "" {
		name += "@" + string(l.d.o.DefaultDomain)
	}
	a, parseErr := mail.ParseAddress(name)
	if parseErr != nil {
		return mail.AccountID{}, strings.ToLower(name), nil //nolint:nilerr // what is no address is nobody's name
	}
	id, a, err = r.owner(ctx, a)
	return id, localKey(a.Local) + "@" + string(a.Domain), err
}

// fake is bytes that look random and are always the same for a name.
func (d *Directory) fake(what, name string) []byte {
	h := hmac.New(sha256.New, d.secret)
	h.Write([]byte(what + "\x00" + name))
	return h.Sum(nil)
}

// Plain implements sasl.Backend; also for LOGIN and USER/PASS commands, with an empty authzid. It takes the time of a hash, unless the
// same password was right a short time ago, and whatever delay the guard asks for.
func (l *LoginSession) Plain(ctx context.Context, authzid, user, plain string) (sasl.Identity, error) {
	c, err := l.begin(ctx, user)
	if err != nil {
		return sasl.Identity{}, err
	}
	right, err := l.isRight(ctx, c, plain)
	if err != nil {
		return sasl.Identity{}, l.failed(c, sasl.Plain, err)
	}
	return l.end(ctx, c, sasl.Plain, authzid, right)
}

// outcomeOf turns a comparison into the outcome SCRAM speaks of.
func outcomeOf(right bool) sasl.Outcome {
	if right {
		return sasl.Proved
	}
	return sasl.Failed
}

func (l *LoginSession) isRight(ctx context.Context, c *candidate, plain string) (sasl.Outcome, error) {
	prepared, err := sasl.PreparePassword(plain)
	if err != nil || len(plain) > maxPassword {
		prepared = "\x00" // which is no password
	}
	against := l.d.hasher.dummy // for nobody all goes the same way, or who logs in twice at once would hear that it is nobody
	if c.password != nil {
		against = c.password.Argon
	}
	m := l.d.verified.of(c.id, &against, prepared)
	defer l.d.verified.turn(ctx, m)()
	if l.d.verified.has(m) {
		return sasl.Proved, nil
	}
	right, err := l.d.hasher.check(ctx, l.asker(c), c.password, prepared)
	if right {
		l.d.verified.add(m)
	}
	return outcomeOf(right), err
}

// asker is whom a candidate's hash is computed for: the account, where its owner has logged in from this address before, or the address.
func (l *LoginSession) asker(c *candidate) asker {
	if l.d.o.Guard.Trusts(l.at.Remote, c.counted) {
		return asker{key: limit.ByName(c.counted), known: true}
	}
	return asker{key: limit.ByAddress(l.at.Remote)}
}

// begin finds who a name is and lets the guard hold the login back.
func (l *LoginSession) begin(ctx context.Context, user string) (*candidate, error) {
	c, err := l.lookup(ctx, user)
	if err != nil {
		return nil, mail.Failed(mail.KindLoginLater, "logins cannot be checked now, please try again later", err)
	}
	err = l.d.o.Guard.Wait(ctx, l.at.Remote, c.counted)
	switch {
	case err == nil:
		return c, nil
	case mail.IsKind(err, mail.KindLoginLater):
		l.d.o.MailLog.Locked(l.session(), user, mail.AsFault(err).Public)
		return nil, err
	}
	return nil, mail.Failed(mail.KindLoginLater, "the login was given up", err)
}

// Scram implements sasl.Backend.
func (l *LoginSession) Scram(ctx context.Context, user string) (sasl.ScramKeys, error) {
	c, err := l.begin(ctx, user)
	if err != nil {
		return sasl.ScramKeys{}, err
	}
	l.scram = c
	// The fake keys are made for everybody, so that they take no time of their own.
	keys := sasl.ScramKeys{Salt: l.d.fake("scram salt", c.counted)[:saltLen], Iterations: l.d.hasher.o.ScramIterations}
	copy(keys.StoredKey[:], l.d.fake("scram stored key", c.counted))
	copy(keys.ServerKey[:], l.d.fake("scram server key", c.counted))
	if c.password != nil {
		keys.Salt, keys.Iterations = c.password.Scram.Salt, c.password.Scram.Iterations
		copy(keys.StoredKey[:], c.password.Scram.StoredKey)
		copy(keys.ServerKey[:], c.password.Scram.ServerKey)
	}
	return keys, nil
}

// ScramDone implements sasl.Backend.
func (l *LoginSession) ScramDone(ctx context.Context, authzid, user string, o sasl.Outcome) (sasl.Identity, error) {
	c := l.scram
	l.scram = nil
	if c == nil || c.name != user {
		return sasl.Identity{}, mail.Refuse(mail.KindLoginFailed, wrongLogin)
	}
	if c.password == nil {
		o = sasl.Failed
	}
	return l.end(ctx, c, sasl.ScramSHA256, authzid, o)
}

const wrongLogin = "wrong user name or password"

// end decides on a login whose password has been compared.
func (l *LoginSession) end(ctx context.Context, c *candidate, mechanism, authzid string, o sasl.Outcome) (sasl.Identity, error) {
	if o != sasl.Proved {
		l.d.o.Guard.Failed(l.at.Remote, c.counted)
		return sasl.Identity{}, l.failed(c, mechanism, mail.Refuse(mail.KindLoginFailed, wrongLogin))
	}
	l.d.o.Guard.Succeeded(l.at.Remote, c.counted)
	if c.account.Status != Active {
		return sasl.Identity{}, l.failed(c, mechanism, mail.Refuse(mail.KindLoginFailed, "this account is switched off"))
	}
	if err := l.mayActAs(ctx, c, authzid); err != nil {
		return sasl.Identity{}, l.failed(c, mechanism, err)
	}
	l.granted = c
	s := l.session()
	s.Account = c.account.Login()
	l.d.o.MailLog.LoginOK(s, mechanism)
	return sasl.Identity{Account: c.account.ID, Login: s.Account}, nil
}

// mayActAs allows an authorization identity that is another name of the account itself.
func (l *LoginSession) mayActAs(ctx context.Context, c *candidate, authzid string) error {
	if authzid == "" {
		return nil
	}
	r := l.d.reader()
	defer r.close()
	id, _, err := l.find(ctx, r, authzid)
	if err != nil {
		return err
	}
	if id != c.account.ID {
		return mail.Refuse(mail.KindLoginFailed, "you may not act as this user")
	}
	return nil
}

func (l *LoginSession) session() obs.Session {
	return obs.Session{Proto: l.at.Protocol, Peer: l.at.Remote, TLS: l.at.TLS}
}

func (l *LoginSession) failed(c *candidate, mechanism string, err error) error {
	l.d.o.MailLog.LoginFailed(l.session(), mechanism, c.name, mail.AsFault(err).Public)
	return err
}
