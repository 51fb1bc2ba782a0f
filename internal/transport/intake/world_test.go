package intake

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
)

// world is an intake on real parts and a disk in memory. Ours are nord.test, with kaethe, jan and full (whose mailbox is
// small), the aliases info (to kaethe and jan), away (to far@sued.test) and dup (to kaethe and kaethe's own subaddress),
// the group team (kaethe, far@sued.test, and itself), the catch-all domain all.test, and alt.test, which means nord.test.
type world struct {
	t     testing.TB
	ctx   context.Context
	clock *clock.Fake
	db    *pebblestore.DB
	box   *mailbox.Service
	dir   *directory.Directory
	q     *queue.Queue
	j     *journey.Journeys
	in    *Intake

	kaethe, jan, full directory.Account
}

const zone = `
sued.test. 60 IN MX 10 mx.sued.test.
mx.sued.test. 60 IN A 192.0.2.25
null.test. 60 IN MX 0 .
`

func newWorld(t testing.TB, change func(*Options)) *world {
	t.Helper()
	return newWorldOn(t, vfs.NewMem(), "store", change)
}

func newWorldOn(t testing.TB, fs vfs.FS, dir string, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), clock: clock.NewFake(time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC))}
	var err error
	w.db, err = pebblestore.Open(dir, pebblestore.Options{FS: fs, Clock: w.clock})
	w.must(err)
	w.box = mailbox.New(w.db, mailbox.Options{Clock: w.clock})
	w.dir, err = directory.Open(w.ctx, w.db, directory.Options{
		Clock: w.clock, Hostname: "mx.nord.test",
		Births: func(b *store.Batch, a directory.Account) {
			w.box.Birth(b, a.ID, mailbox.BirthOptions{Quota: mailbox.Quota{Bytes: a.Quota.Bytes}})
		},
	})
	w.must(err)
	w.j = journey.New(w.db, journey.Options{Clock: w.clock})
	w.q, err = queue.Open(w.ctx, w.db, queue.Options{Clock: w.clock, Journeys: w.j})
	w.must(err)
	o := Options{Store: w.db, Mailbox: w.box, Directory: w.dir, Queue: w.q, Journeys: w.j,
		Resolver: resolve.MustZone(zone), Hostname: "mx.nord.test", Clock: w.clock}
	if change != nil {
		change(&o)
	}
	w.in = New(o)
	t.Cleanup(func() {
		w.must(w.j.Close())
		w.dir.Close()
		w.box.Close()
		w.must(w.db.Close())
	})
	w.populate()
	return w
}

func (w *world) populate() {
	for _, d := range []mail.Domain{"nord.test", "all.test"} {
		w.must(w.dir.AddDomain(w.ctx, d))
	}
	w.must(w.dir.AddDomainAlias(w.ctx, "alt.test", "nord.test"))
	defer w.clock.Set(time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC))
	w.kaethe = w.account("kaethe@nord.test", "Käthe Groß", 0)
	w.jan = w.account("jan@nord.test", "Jan", 0)
	w.full = w.account("full@nord.test", "", 400)
	w.alias("info@nord.test", "kaethe@nord.test", "jan@nord.test")
	w.alias("away@nord.test", "far@sued.test")
	w.alias("dup@nord.test", "kaethe@nord.test", "kaethe+x@nord.test")
	w.must(w.dir.AddGroup(w.ctx, w.addr("team@nord.test"), "Team",
		[]mail.Address{w.addr("kaethe@nord.test"), w.addr("far@sued.test"), w.addr("inner@nord.test"), w.addr("full@nord.test")}))
	w.must(w.dir.AddGroup(w.ctx, w.addr("inner@nord.test"), "Inner", []mail.Address{w.addr("team@nord.test"), w.addr("jan@nord.test")}))
	w.must(w.dir.SetCatchAll(w.ctx, "all.test", w.addr("kaethe@nord.test")))
}

func (w *world) account(addr, name string, quota int64) directory.Account {
	w.t.Helper()
	w.clock.Set(w.clock.Now().Add(time.Millisecond)) // so that the accounts' ids have an order
	a, err := w.dir.AddAccount(w.ctx, directory.NewAccount{Addresses: []mail.Address{w.addr(addr)}, Name: name, Lang: text.DE,
		Quota: directory.Quota{Bytes: quota}})
	w.must(err)
	return a
}

func (w *world) alias(from string, to ...string) {
	w.t.Helper()
	var targets []mail.Address
	for _, a := range to {
		targets = append(targets, w.addr(a))
	}
	w.must(w.dir.SetAlias(w.ctx, w.addr(from), targets))
}

func (w *world) addr(s string) mail.Address {
	w.t.Helper()
	if s == "" {
		return mail.Address{}
	}
	a, err := mail.ParseAddress(s)
	w.must(err)
	return a
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// stranger is another server.
func stranger() Source {
	return Source{Protocol: obs.ProtoSMTP, Remote: netip.MustParseAddrPort("192.0.2.9:4711"), Helo: "mail.ost.test", Extended: true}
}

// login is a person's mail program.
func login(a directory.Account) Source {
	return Source{Protocol: obs.ProtoSubmission, Remote: netip.MustParseAddrPort("[2001:db8::7]:4711"), Helo: "[10.0.0.1]",
		Extended: true, Account: a.ID, Login: a.Login()}
}

// send takes a message in; text has line feeds.
func (w *world) send(src Source, from string, to []string, message string) (Receipt, error) {
	w.t.Helper()
	t := w.in.Begin(src)
	if err := t.From(w.ctx, mail.Envelope{From: w.addr(from)}); err != nil {
		return Receipt{}, err
	}
	for _, a := range to {
		if err := t.To(w.ctx, mail.Recipient{Address: w.addr(a)}); err != nil {
			return Receipt{}, err
		}
	}
	return t.Body(w.ctx, strings.NewReader(crlf(message)))
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// inbox reads the messages of an account's mailbox.
func (w *world) inbox(a directory.Account, path string) []string {
	w.t.Helper()
	acc := w.box.Account(a.ID)
	mb, err := acc.ByPath(w.ctx, path)
	w.must(err)
	v, err := acc.Open(w.ctx, mb.ID)
	w.must(err)
	defer v.Close()
	var ids []mail.EmailID
	w.must(v.Each(w.ctx, 1, v.Len(), func(_ int, m mailbox.Message) bool {
		ids = append(ids, m.EmailID)
		return true
	}))
	var out []string
	for _, id := range ids {
		out = append(out, w.body(a, id))
	}
	return out
}

// body reads an e-mail whole.
func (w *world) body(a directory.Account, id mail.EmailID) string {
	w.t.Helper()
	body, err := w.box.Account(a.ID).Body(w.ctx, id)
	w.must(err)
	b, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
	w.must(err)
	w.must(body.Close())
	return string(b)
}

// kinds are the events of a message's journey.
func (w *world) kinds(id mail.MessageID) []journey.Kind {
	w.t.Helper()
	story, err := w.j.Read(w.ctx, id)
	w.must(err)
	var out []journey.Kind
	for _, e := range story.Events {
		out = append(out, e.Kind)
	}
	return out
}

// sent reads what the queue would send for a message.
func (w *world) sent(id mail.MessageID) (queue.Item, string) {
	w.t.Helper()
	item, err := w.q.Get(w.ctx, id)
	w.must(err)
	blob, err := w.db.OpenBlob(w.ctx, item.Message.Blob.ID)
	w.must(err)
	defer blob.Close()
	b, err := io.ReadAll(io.NewSectionReader(blob, item.Message.Skip, blob.Size()-item.Message.Skip))
	w.must(err)
	return item, string(b)
}
