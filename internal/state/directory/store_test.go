package directory

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
)

// counted is a store that counts the views opened: a look-up that opens none has done no I/O. Views of a directory's listener are
// not counted.
type counted struct {
	store.Store
	views atomic.Int64
}

// listening marks the context that a directory is opened with, and so its listener's.
type listening struct{}

func (c *counted) View(ctx context.Context) (store.View, error) {
	if ctx.Value(listening{}) == nil {
		c.views.Add(1)
	}
	return c.Store.View(ctx)
}

func openStore(tb testing.TB) *counted {
	tb.Helper()
	db, err := pebblestore.Open("store", pebblestore.Options{FS: vfs.NewMem(), ReserveBytes: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return &counted{Store: db}
}

// cheapHash makes tests fast; the algorithms are the same.
var cheapHash = Hash{MemoryKiB: 8, Passes: 1, Threads: 1, ScramIterations: 4096}

func openDirectory(tb testing.TB, st store.Store, o Options) *Directory {
	tb.Helper()
	if o.Hash == (Hash{}) {
		o.Hash = cheapHash
	}
	if o.Clock == nil {
		o.Clock = clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	}
	d, err := Open(context.WithValue(tb.Context(), listening{}, true), st, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(d.Close)
	return d
}

func address(tb testing.TB, s string) mail.Address {
	tb.Helper()
	a, err := mail.ParseAddress(s)
	if err != nil {
		tb.Fatalf("%s: %v", s, err)
	}
	return a
}

func addresses(tb testing.TB, ss ...string) []mail.Address {
	var out []mail.Address
	for _, s := range ss {
		out = append(out, address(tb, s))
	}
	return out
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func addDomains(tb testing.TB, d *Directory, names ...mail.Domain) {
	tb.Helper()
	for _, n := range names {
		must(tb, d.AddDomain(tb.Context(), n))
	}
}

func addAccount(tb testing.TB, d *Directory, password string, own ...string) Account {
	tb.Helper()
	a, err := d.AddAccount(tb.Context(), NewAccount{Addresses: addresses(tb, own...), Password: password, Lang: text.DE})
	must(tb, err)
	d.o.Clock.(*clock.Fake).Advance(time.Second) // so that the order of births is that of the calls
	return a
}

func wantKind(tb testing.TB, err error, k mail.Kind, what string) {
	tb.Helper()
	if !mail.IsKind(err, k) {
		tb.Errorf("%s: want kind %d, got %v", what, k, err)
	}
}
