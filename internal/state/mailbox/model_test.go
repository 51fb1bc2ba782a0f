package mailbox

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// The model: what an account must look like, kept in the simplest way.
type (
	modelEmail struct {
		body     string
		flags    mail.Flags
		keywords map[string]bool
		places   int
	}
	modelPlace struct {
		uid     mail.UID
		email   *modelEmail
		deleted bool
	}
	modelBox struct {
		id     mail.MailboxID
		places []modelPlace
		next   mail.UID
	}
	modelAccount struct {
		acc   *Account
		boxes map[string]*modelBox
		views []*modelView
	}
	// modelView is a client: it knows what it was told and nothing else.
	modelView struct {
		view *View
		box  *modelBox
		uids []mail.UID
	}
)

type machine struct {
	w        *world
	accounts []*modelAccount
	n        int
}

func newMachine(t *rapid.T) *machine {
	// A cache of nothing drops every index that no view holds.
	m := &machine{w: newWorld(t, Options{CacheBytes: rapid.SampledFrom([]int64{1, 1 << 20}).Draw(t, "cache")})}
	overlays, dead, halves := rapid.Bool().Draw(t, "overlays"), rapid.Bool().Draw(t, "dead"), rapid.Bool().Draw(t, "halves")
	m.w.tune = func(s *Service) {
		if halves {
			s.halvesFrom = 1
		}
		if overlays {
			s.overlayFrom, s.overlayRun, s.maxOverlays = 2, 1, 2
		}
		if dead {
			s.deadFrom = 1
		}
	}
	m.w.tune(m.w.svc)
	for range 2 {
		a := &modelAccount{acc: m.w.birth(Quota{}), boxes: map[string]*modelBox{}}
		boxes, err := a.acc.Mailboxes(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range boxes {
			a.boxes[b.Path] = &modelBox{id: b.ID, next: 1}
		}
		m.accounts = append(m.accounts, a)
	}
	return m
}

func (m *machine) account(t *rapid.T) *modelAccount {
	return rapid.SampledFrom(m.accounts).Draw(t, "account")
}

func (a *modelAccount) box(t *rapid.T, label string) *modelBox {
	return a.boxes[rapid.SampledFrom(slices.Sorted(maps.Keys(a.boxes))).Draw(t, label)]
}

// some draws UIDs, of which some may not be there.
func (b *modelBox) some(t *rapid.T) []mail.UID {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) mail.UID {
		return mail.UID(rapid.IntRange(1, int(b.next)).Draw(t, "uid"))
	}), 1, 8).Draw(t, "uids")
}

func (b *modelBox) has(uids []mail.UID) []*modelPlace {
	var out []*modelPlace
	for i := range b.places {
		if slices.Contains(uids, b.places[i].uid) {
			out = append(out, &b.places[i])
		}
	}
	return out
}

func (b *modelBox) put(e *modelEmail, deleted bool) mail.UID {
	b.places = append(b.places, modelPlace{b.next, e, deleted})
	e.places++
	b.next++
	return b.next - 1
}

func (b *modelBox) take(uids []mail.UID) {
	b.places = slices.DeleteFunc(b.places, func(p modelPlace) bool {
		if !slices.Contains(uids, p.uid) {
			return false
		}
		p.email.places--
		return true
	})
}

func (b *modelBox) find(e *modelEmail) bool {
	return slices.ContainsFunc(b.places, func(p modelPlace) bool { return p.email == e })
}

// Deliver delivers one message to one or both accounts, and in one of them to one or two mailboxes.
func (m *machine) Deliver(t *rapid.T) {
	m.n++
	ap, staged := m.w.message(m.accounts[0].acc, m.n)
	if rapid.Bool().Draw(t, "reply") && m.n > 1 {
		ap.Summary = summaryOf(ap.Blob.Size, fmt.Sprintf("<%d@test>", m.n), "s", fmt.Sprintf("<%d@test>", m.n-1))
	}
	body := fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", m.n, m.n)
	var aps []Append
	var targets []*modelBox
	both := rapid.Bool().Draw(t, "both")
	for i, a := range m.accounts {
		if i > 0 && !both {
			break
		}
		b := a.box(t, "to")
		one := ap
		one.Account, one.Mailboxes = a.acc.ID(), []mail.MailboxID{b.id}
		aps, targets = append(aps, one), append(targets, b)
	}
	e := [2]*modelEmail{{body: body, keywords: map[string]bool{}}, {body: body, keywords: map[string]bool{}}}
	if c := m.accounts[0].box(t, "also"); c != targets[0] && rapid.Bool().Draw(t, "two places") {
		one := aps[0]
		one.Mailboxes = []mail.MailboxID{c.id}
		aps, targets = append(aps, one), append(targets, c)
	}
	out, err := m.w.svc.Deliver(context.Background(), aps, func(b *store.Batch) error {
		b.AddBlob(staged)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range aps {
		owner := e[0]
		if aps[i].Account == m.accounts[1].acc.ID() {
			owner = e[1]
		}
		uid := targets[i].put(owner, false)
		if len(out[i].Places) != 1 || out[i].Places[0].UID != uid {
			t.Fatalf("delivered as %+v, want UID %d", out[i].Places, uid)
		}
	}
}

// SetFlags changes flags and keywords.
func (m *machine) SetFlags(t *rapid.T) {
	a := m.account(t)
	b := a.box(t, "mailbox")
	uids := b.some(t)
	ch := FlagChange{
		Mode:     rapid.SampledFrom([]FlagMode{FlagsAdd, FlagsRemove, FlagsReplace}).Draw(t, "mode"),
		Flags:    mail.Flags(rapid.IntRange(0, 31).Draw(t, "flags")),
		Keywords: rapid.SliceOfN(rapid.SampledFrom([]string{"k1", "k2", "$Forwarded"}), 0, 2).Draw(t, "keywords"),
	}
	if _, err := a.acc.SetFlags(context.Background(), b.id, uids, ch); err != nil {
		t.Fatal(err)
	}
	for _, p := range b.has(uids) {
		p.change(ch)
	}
}

func (p *modelPlace) change(ch FlagChange) {
	own := ch.Flags &^ mail.FlagDeleted
	switch ch.Mode {
	case FlagsAdd:
		p.email.flags |= own
		p.deleted = p.deleted || ch.Flags.Has(mail.FlagDeleted)
	case FlagsRemove:
		p.email.flags &^= own
		p.deleted = p.deleted && !ch.Flags.Has(mail.FlagDeleted)
	case FlagsReplace:
		p.email.flags, p.deleted = own, ch.Flags.Has(mail.FlagDeleted)
		p.email.keywords = map[string]bool{}
	}
	for _, k := range ch.Keywords {
		if k == "$Forwarded" {
			k = "$forwarded"
		}
		if ch.Mode == FlagsRemove {
			delete(p.email.keywords, k)
			continue
		}
		p.email.keywords[k] = true
	}
}

// Transfer copies or moves.
func (m *machine) Transfer(t *rapid.T) {
	a := m.account(t)
	from, to := a.box(t, "from"), a.box(t, "to")
	uids := from.some(t)
	move := rapid.Bool().Draw(t, "move")
	do := a.acc.Copy
	if move {
		do = a.acc.Move
	}
	got, err := do(context.Background(), from.id, uids, to.id)
	if err != nil {
		t.Fatal(err)
	}
	var src, dst []mail.UID
	var sel []modelPlace
	for _, p := range from.has(uids) {
		sel = append(sel, *p)
	}
	for _, p := range sel {
		e := p.email
		if to.find(e) {
			e = &modelEmail{body: e.body, flags: e.flags, keywords: maps.Clone(e.keywords)}
		}
		src, dst = append(src, p.uid), append(dst, to.put(e, p.deleted))
		if move {
			from.take([]mail.UID{p.uid})
		}
	}
	if !slices.Equal(got.Src, src) || !slices.Equal(got.Dst, dst) {
		t.Fatalf("transferred %v to %v, want %v to %v", got.Src, got.Dst, src, dst)
	}
}

// Expunge expunges in one of the three ways.
func (m *machine) Expunge(t *rapid.T) {
	a := m.account(t)
	b := a.box(t, "mailbox")
	uids := b.some(t)
	var got []mail.UID
	var err error
	how := rapid.IntRange(0, 2).Draw(t, "how")
	var want []mail.UID
	for _, p := range b.places {
		listed := slices.Contains(uids, p.uid)
		if how == 0 && p.deleted || how == 1 && p.deleted && listed || how == 2 && listed {
			want = append(want, p.uid)
		}
	}
	switch how {
	case 0:
		got, _, err = a.acc.Expunge(context.Background(), b.id, nil)
	case 1:
		got, _, err = a.acc.Expunge(context.Background(), b.id, uids)
	default:
		got, _, err = a.acc.ExpungeUIDs(context.Background(), b.id, uids)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("expunged %v, %v; want %v", got, err, want)
	}
	b.take(want)
}

// Mailbox makes, renames or deletes a mailbox.
func (m *machine) Mailbox(t *rapid.T) {
	a, ctx := m.account(t), context.Background()
	name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
	b := a.boxes[name]
	if b == nil {
		mb, err := a.acc.Create(ctx, name, CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		a.boxes[name] = &modelBox{id: mb.ID, next: 1}
		return
	}
	to := name + "2"
	if a.boxes[to] == nil && rapid.Bool().Draw(t, "rename") {
		if err := a.acc.Rename(ctx, b.id, to); err != nil {
			t.Fatal(err)
		}
		delete(a.boxes, name)
		a.boxes[to] = b
		return
	}
	if err := a.acc.Delete(ctx, b.id); err != nil {
		t.Fatal(err)
	}
	for _, p := range b.places {
		p.email.places--
	}
	delete(a.boxes, name)
	b.places = nil
	a.views = slices.DeleteFunc(a.views, func(v *modelView) bool {
		if v.box != b {
			return false
		}
		ch, err := v.view.Sync(ctx, SyncAll)
		if err != nil || !ch.MailboxGone {
			t.Fatalf("view of a deleted mailbox: %+v, %v", ch, err)
		}
		v.view.Close()
		return true
	})
}

// OpenView opens a view that stays.
func (m *machine) OpenView(t *rapid.T) {
	a := m.account(t)
	b := a.box(t, "mailbox")
	v := &modelView{view: m.w.view(a.acc, b.id), box: b}
	for _, p := range b.places {
		v.uids = append(v.uids, p.uid)
	}
	a.views = append(a.views, v)
	if len(a.views) > 4 {
		a.views[0].view.Close()
		a.views = a.views[1:]
	}
}

// SyncViews brings views up to date, and checks that what they are told makes them right.
func (m *machine) SyncViews(t *rapid.T) {
	for _, a := range m.accounts {
		for _, v := range a.views {
			mode := rapid.SampledFrom([]SyncMode{SyncAll, SyncKeep}).Draw(t, "mode")
			ch, err := v.view.Sync(context.Background(), mode)
			if err != nil {
				t.Fatal(err)
			}
			v.told(t, ch, mode)
		}
	}
}

func (v *modelView) told(t *rapid.T, ch Changes, mode SyncMode) {
	for _, r := range ch.Vanished {
		if r.Seq > len(v.uids) || v.uids[r.Seq-1] != r.UID {
			t.Fatalf("told that %+v vanished of %v", r, v.uids)
		}
		v.uids = slices.Delete(v.uids, r.Seq-1, r.Seq)
	}
	for i := v.view.Len() - ch.New; i < v.view.Len(); i++ {
		v.uids = append(v.uids, v.view.UIDAt(i+1))
	}
	if v.view.Len() != len(v.uids) {
		t.Fatalf("the view has %d messages, the client %d", v.view.Len(), len(v.uids))
	}
	want := map[mail.UID]*modelPlace{}
	for i := range v.box.places {
		want[v.box.places[i].uid] = &v.box.places[i]
	}
	for i, uid := range v.uids {
		msg, _ := v.view.Message(i + 1)
		if seq, ok := v.view.SeqOf(uid); !ok || seq != i+1 || msg.UID != uid {
			t.Fatalf("UID %d is at %d, want %d", uid, seq, i+1)
		}
		p := want[uid]
		if msg.Gone != (p == nil) || msg.Gone && mode == SyncAll {
			t.Fatalf("UID %d: gone %v, model has it: %v", uid, msg.Gone, p != nil)
		}
		if p != nil {
			p.same(t, msg)
			delete(want, uid)
		}
	}
	if len(want) > 0 {
		t.Fatalf("the view misses %d messages", len(want))
	}
}

func (p *modelPlace) same(t *rapid.T, msg Message) {
	flags := p.email.flags
	if p.deleted {
		flags |= mail.FlagDeleted
	}
	if msg.Flags != flags || !slices.Equal(msg.Keywords, slices.Sorted(maps.Keys(p.email.keywords))) {
		t.Fatalf("UID %d has %v %v, want %v %v", p.uid, msg.Flags, msg.Keywords, flags, p.email.keywords)
	}
}

// Bury buries some of the dead.
func (m *machine) Bury(t *rapid.T) {
	if _, err := m.account(t).acc.buryOne(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// Restart opens everything again, after a crash or not.
func (m *machine) Restart(t *rapid.T) {
	for _, a := range m.accounts {
		for _, v := range a.views {
			v.view.Close()
		}
		a.views = nil
	}
	m.w.restart(rapid.Bool().Draw(t, "crash"))
	for _, a := range m.accounts {
		a.acc = m.w.svc.Account(a.acc.ID())
	}
}

// Check compares everything.
func (m *machine) Check(t *rapid.T) {
	ctx := context.Background()
	for _, a := range m.accounts {
		boxes, err := a.acc.Mailboxes(ctx)
		if err != nil || len(boxes) != len(a.boxes) {
			t.Fatalf("%d mailboxes, want %d; %v", len(boxes), len(a.boxes), err)
		}
		bodies := map[mail.EmailID]string{}
		for _, mb := range boxes {
			b := a.boxes[mb.Path]
			if b == nil || mb.ID != b.id || mb.UIDNext != b.next || mb.Counts.Total != len(b.places) {
				t.Fatalf("mailbox %+v, want %+v", mb, b)
			}
			v := m.w.view(a.acc, mb.ID)
			(&modelView{view: v, box: b, uids: uidsOf(b)}).told(t, Changes{}, SyncAll)
			for i := range b.places {
				msg, _ := v.Message(i + 1)
				bodies[msg.EmailID] = b.places[i].email.body
			}
			v.Close()
		}
		for id, want := range bodies {
			if got := m.body(t, a.acc, id); got != want {
				t.Fatalf("body %q, want %q", got, want)
			}
		}
		err = m.w.svc.Check(ctx, a.acc.ID(), func(p string) { t.Errorf("%s", p) })
		if err != nil {
			t.Fatal(err)
		}
	}
}

func uidsOf(b *modelBox) []mail.UID {
	var uids []mail.UID
	for _, p := range b.places {
		uids = append(uids, p.uid)
	}
	return uids
}

func (m *machine) body(t *rapid.T, a *Account, id mail.EmailID) string {
	b, err := a.Body(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestModel(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		ok(t, f.Value.Set("25")) // every run a few seconds; more with -rapid.checks
	}
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		defer func() { m.w.close() }()
		var unchecked int
		t.Repeat(map[string]func(*rapid.T){
			"deliver":  m.Deliver,
			"flags":    m.SetFlags,
			"transfer": m.Transfer,
			"expunge":  m.Expunge,
			"mailbox":  m.Mailbox,
			"view":     m.OpenView,
			"sync":     m.SyncViews,
			"bury":     m.Bury,
			"restart":  m.Restart,
			"": func(t *rapid.T) {
				if unchecked++; unchecked%8 == 0 {
					m.Check(t)
				}
			},
		})
		m.Check(t)
	})
}
