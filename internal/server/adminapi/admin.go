package adminapi

import (
	"context"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

// Parts are what the operations work on. App fills them in.
type Parts struct {
	Clock     clock.Clock
	Store     store.Store
	Directory *directory.Directory
	Mailboxes *mailbox.Service
	Queue     *queue.Queue
	Journeys  *journey.Journeys
	Resolver  resolve.Resolver
	Certs     *certs.Keeper
	Hostname  mail.Domain
	Private   []netip.Prefix // networks whose clients may log in without TLS
	Version   string
	Started   func() time.Time // when the server started; zero if none runs, in a command of its own
	// Submit takes a message as if it came from this machine: complete the headers, one commit.
	Submit func(ctx context.Context, env mail.Envelope, body io.Reader) (mail.MessageID, error)
	// Listeners are the sockets that are open, by name; empty if no server runs.
	Listeners func() map[string]net.Addr
	// Forgive lets a locked account log in again.
	Forgive func(account string)
}

// Admin is the operations. Its exported methods take a request and give a reply; they are safe for many goroutines. Failures are
// *mail.Fault.
type Admin struct{ parts Parts }

// New makes the operations.
func New(p Parts) *Admin { return &Admin{parts: p} }

// Nothing is the reply of operations that have nothing to tell, and the request of those that need nothing.
type Nothing struct{}

// operations names every method for the wire.
func (a *Admin) operations() map[string]operation {
	return map[string]operation{
		"status": plain(a.Status),

		"domain.add":      plain(a.AddDomain),
		"domain.remove":   plain(a.RemoveDomain),
		"domain.list":     plain(a.Domains),
		"domain.catchall": plain(a.SetCatchAll),

		"account.add":      plain(a.AddAccount),
		"account.remove":   plain(a.RemoveAccount),
		"account.list":     plain(a.Accounts),
		"account.show":     plain(a.Account),
		"account.change":   plain(a.ChangeAccount),
		"account.password": plain(a.SetPassword),
		"account.address":  plain(a.ChangeAddress),

		"alias.set":    plain(a.SetAlias),
		"alias.remove": plain(a.RemoveAlias),
		"alias.list":   plain(a.Aliases),

		"group.add":    plain(a.AddGroup),
		"group.remove": plain(a.RemoveGroup),
		"group.list":   plain(a.Groups),
		"group.member": plain(a.ChangeMember),

		"queue.list":    plain(a.QueueList),
		"queue.hold":    plain(a.QueueHold),
		"queue.release": plain(a.QueueRelease),
		"queue.retry":   plain(a.QueueRetry),
		"queue.cancel":  plain(a.QueueCancel),

		"journey.read":   plain(a.Journey),
		"journey.recent": plain(a.RecentJourneys),
		"journey.watch":  telling(a.WatchJourneys),

		"send":   reading(a.Send),
		"backup": telling(a.Backup),
		"check":  telling(a.Check),
	}
}
