package mailbox

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
)

func TestBirthAndDeliver(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{Bytes: 1 << 20})
	boxes, err := a.Mailboxes(ctx)
	ok(t, err)
	var paths []string
	for _, m := range boxes {
		paths = append(paths, m.Path)
	}
	if want := []string{"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}; !slices.Equal(paths, want) {
		t.Fatalf("mailboxes %v, want %v", paths, want)
	}
	got := w.deliver(a, 1)
	if got.ModSeq != 2 || len(got.Places) != 1 || got.Places[0].UID != 1 || got.Places[0].Mailbox != boxes[0].ID {
		t.Fatalf("delivered %+v", got)
	}
	in := w.byPath(a, "inbox")
	if in.UIDNext != 2 || in.Counts.Total != 1 || in.Counts.Unseen != 1 || in.HighestModSeq != 2 {
		t.Fatalf("inbox %+v", in)
	}
	b, err := a.Body(ctx, got.EmailID)
	ok(t, err)
	text, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	ok(t, err)
	ok(t, b.Close())
	if string(text) != "Subject: 1\r\n\r\nbody 1\r\n" {
		t.Fatalf("body %q", text)
	}
	s, err := a.Summary(ctx, got.EmailID)
	ok(t, err)
	if s.Envelope.MessageID != "<1@test>" {
		t.Fatalf("summary %+v", s)
	}
	used, limit, err := a.Usage(ctx)
	ok(t, err)
	if used != (Quota{Bytes: int64(len(text)), Emails: 1}) || limit.Bytes != 1<<20 {
		t.Fatalf("usage %+v of %+v", used, limit)
	}
}

func TestDeliverToSeveralAtOnce(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a, b := w.birth(Quota{}), w.birth(Quota{})
	ap, staged := w.message(a, 1)
	twice, other := ap, ap
	twice.Role = mail.RoleArchive
	other.Account = b.ID()
	out, err := w.svc.Deliver(ctx, []Append{ap, other, twice, ap}, func(b *store.Batch) error {
		b.AddBlob(staged)
		return nil
	})
	ok(t, err)
	if out[0].EmailID != out[2].EmailID || out[0].EmailID != out[3].EmailID || out[0].EmailID == out[1].EmailID {
		t.Fatalf("one e-mail per account wanted: %+v", out)
	}
	e, err := a.Email(ctx, out[0].EmailID)
	ok(t, err)
	if len(e.Places) != 2 || w.byPath(a, "Archive").Counts.Total != 1 || w.byPath(a, "INBOX").Counts.Total != 1 {
		t.Fatalf("places %+v", e.Places)
	}
	if n, _ := a.Number(ctx); n != 2 {
		t.Fatalf("number %d: more than one commit", n)
	}
	// A refusal by build leaves nothing behind.
	ap, _ = w.message(a, 2)
	stop := mail.Refuse(mail.KindPolicy, "no")
	if _, err := w.svc.Deliver(ctx, []Append{ap}, func(*store.Batch) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
	if got := w.deliver(a, 3); got.Places[0].UID != 2 || got.ModSeq != 3 {
		t.Fatalf("after a refusal: %+v", got)
	}
}

func TestConflictIsTriedAgain(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	w.deliver(a, 1)
	tries := 0
	ap, staged := w.message(a, 2)
	out, err := w.svc.Deliver(ctx, []Append{ap}, func(b *store.Batch) error {
		b.AddBlob(staged)
		if tries++; tries == 1 {
			b.Expect(store.Partition{Kind: store.KindDirectory}, 77) // nobody has been there
		}
		return nil
	})
	ok(t, err)
	if tries != 2 || out[0].Places[0].UID != 2 {
		t.Fatalf("%d tries, %+v", tries, out)
	}
	// Somebody else, another node, writes to the account behind our back.
	b := store.NewBatch()
	b.Raise(partition(a.ID()))
	ok(t, store.Commit(ctx, w.db, b))
	if got := w.deliver(a, 3); got.Places[0].UID != 3 || got.ModSeq != 5 {
		t.Fatalf("after a foreign commit: %+v", got)
	}
}

func TestDeliverAgainIsOnce(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	ap, _ := w.message(a, 1)
	ap.EmailID = mail.EmailID{ID: mail.NewID(w.opt.Clock.Now())}
	for range 2 {
		s := w.stage("the same message, staged anew")
		ap.Blob = s.Ref()
		built := false
		out, err := w.svc.Deliver(ctx, []Append{ap}, func(b *store.Batch) error {
			built = true
			b.Raise(store.Partition{Kind: store.KindDirectory})
			b.AddBlob(s)
			return nil
		})
		ok(t, err)
		if !built || out[0].EmailID != ap.EmailID || len(out[0].Places) != 1 || out[0].Places[0].UID != 1 {
			t.Fatalf("delivered %+v", out)
		}
	}
	if m := w.byPath(a, Inbox); m.Counts.Total != 1 || m.UIDNext != 2 {
		t.Fatalf("inbox %+v", m)
	}
}

func TestThreads(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	put := func(id, subject string, refs ...string) Appended {
		s := w.stage(id + subject)
		out, err := a.Append(ctx, Append{Summary: summaryOf(9, id, subject, refs...)}, s)
		ok(t, err)
		return out
	}
	first := put("<a@x>", "Hello")
	reply := put("<b@x>", "Re: Hello", "<a@x>")
	early := put("<d@x>", "Re: Other", "<c@x>") // its parent comes after it
	parent := put("<c@x>", "Other")
	changed := put("<e@x>", "Something else", "<a@x>")
	w.restart(true)
	a = w.svc.Account(a.ID())
	late := put("<f@x>", "AW: Hello", "<zz@x>", "<b@x>")
	if reply.Thread != first.Thread || late.Thread != first.Thread || parent.Thread != early.Thread {
		t.Fatalf("threads %v %v %v, %v %v", first.Thread, reply.Thread, late.Thread, early.Thread, parent.Thread)
	}
	if changed.Thread == first.Thread || early.Thread == first.Thread {
		t.Fatal("another subject must be another thread")
	}
	ids, err := a.Thread(ctx, first.Thread)
	ok(t, err)
	if want := []mail.EmailID{first.EmailID, reply.EmailID, late.EmailID}; len(ids) != 3 || !sameSet(ids, want) {
		t.Fatalf("members %v, want %v", ids, want)
	}
	in := w.byPath(a, Inbox)
	_, _, err = a.ExpungeUIDs(ctx, in.ID, []mail.UID{1, 2, 6})
	ok(t, err)
	if ids, err = a.Thread(ctx, first.Thread); err != nil || len(ids) != 0 {
		t.Fatalf("members after all are gone: %v, %v", ids, err)
	}
	w.restart(false) // forget the threads remembered in memory
	a = w.svc.Account(a.ID())
	if again := put("<b@x>", "Re: Hello"); again.Thread == first.Thread {
		t.Fatal("the thread index still knows a thread that is gone")
	}
}

func sameSet[T comparable](a, b []T) bool {
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return len(a) == len(b)
}

func TestQuota(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{Bytes: 60, Emails: 2})
	for n := range 2 {
		ap, s := w.message(a, n)
		_, err := a.Append(ctx, ap, s)
		ok(t, err)
	}
	ap, s := w.message(a, 3)
	_, err := a.Append(ctx, ap, s)
	wantKind(t, err, mail.KindOverQuota)
	wantKind(t, w.svc.CheckQuota(ctx, a.ID(), 1), mail.KindOverQuota)
	wantKind(t, w.svc.CheckQuota(ctx, a.ID(), 61), mail.KindTooLarge)
	ok(t, a.SetQuota(ctx, Quota{Bytes: 60}))
	ok(t, w.svc.CheckQuota(ctx, a.ID(), 10))
	_, _, err = a.ExpungeUIDs(ctx, w.byPath(a, Inbox).ID, []mail.UID{1, 2})
	ok(t, err)
	if used, _, _ := a.Usage(ctx); used != (Quota{}) {
		t.Fatalf("used %+v of an empty account", used)
	}
}

func TestMailboxes(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	for _, bad := range []string{"", "/a", "a/", "a//b", "a\x00", "a*", "#x", "\xff", "a/\u202eb"} {
		_, err := a.Create(ctx, bad, CreateOptions{})
		wantKind(t, err, mail.KindLimit)
	}
	leaf, err := a.Create(ctx, "Work/2026/Nürnberg", CreateOptions{})
	ok(t, err)
	_, err = a.Create(ctx, "Work/2026/Nu\u0308rnberg", CreateOptions{}) // the same in NFD
	wantKind(t, err, mail.KindExists)
	_, err = a.Create(ctx, "iNbOx", CreateOptions{})
	wantKind(t, err, mail.KindExists)
	work := w.byPath(a, "Work")
	err = a.Delete(ctx, work.ID)
	if !errors.Is(err, ErrHasChildren) {
		t.Fatalf("got %v", err)
	}
	wantKind(t, a.Rename(ctx, work.ID, "Work/2026/x"), mail.KindNotAllowed)
	ok(t, a.Rename(ctx, work.ID, "Old/Work"))
	if m, err := a.ByID(ctx, leaf.ID); err != nil || m.Path != "Old/Work/2026/Nürnberg" || m.UIDValidity != leaf.UIDValidity {
		t.Fatalf("after rename %+v, %v", m, err)
	}
	wantKind(t, a.Delete(ctx, w.byPath(a, Inbox).ID), mail.KindNotAllowed)

	x, err := a.Create(ctx, "x", CreateOptions{})
	ok(t, err)
	ap, s := w.message(a, 1)
	ap.Mailboxes = []mail.MailboxID{x.ID}
	_, err = a.Append(ctx, ap, s)
	ok(t, err)
	v := w.view(a, x.ID)
	defer v.Close()
	ok(t, a.Delete(ctx, x.ID))
	if ch, err := v.Sync(ctx, SyncAll); err != nil || !ch.MailboxGone {
		t.Fatalf("view of a deleted mailbox: %+v, %v", ch, err)
	}
	again, err := a.Create(ctx, "x", CreateOptions{})
	ok(t, err)
	if again.UIDValidity <= x.UIDValidity {
		t.Fatalf("UIDVALIDITY %d after %d", again.UIDValidity, x.UIDValidity)
	}

	ok(t, a.Subscribe(ctx, "x", Subscribed))
	ok(t, a.Subscribe(ctx, "never/was", Subscribed))
	ok(t, a.Delete(ctx, again.ID))
	subs, err := a.Subscriptions(ctx)
	ok(t, err)
	if want := []string{"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "never/was", "x"}; !slices.Equal(subs, want) {
		t.Fatalf("subscriptions %v", subs)
	}
	ok(t, a.Subscribe(ctx, "x", Unsubscribed))
	if subs, _ = a.Subscriptions(ctx); slices.Contains(subs, "x") {
		t.Fatalf("subscriptions %v", subs)
	}

	w.deliver(a, 2)
	ok(t, a.Rename(ctx, w.byPath(a, Inbox).ID, "Saved"))
	if got := w.byPath(a, "Saved").Counts.Total; got != 1 || w.byPath(a, Inbox).Counts.Total != 0 {
		t.Fatalf("renaming the inbox moved %d", got)
	}
}

func TestCopyMoveExpunge(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	for n := range 5 {
		w.deliver(a, n)
	}
	in, arch := w.byPath(a, Inbox), w.byPath(a, "Archive")
	c, err := a.Copy(ctx, in.ID, []mail.UID{2, 4, 99}, arch.ID)
	ok(t, err)
	if !slices.Equal(c.Src, []mail.UID{2, 4}) || !slices.Equal(c.Dst, []mail.UID{1, 2}) || c.UIDValidity != arch.UIDValidity {
		t.Fatalf("copied %+v", c)
	}
	// A flag set in one mailbox is set in the other; \Deleted is not.
	_, err = a.SetFlags(ctx, in.ID, []mail.UID{2}, FlagChange{Flags: mail.FlagSeen | mail.FlagDeleted, Keywords: []string{"Work"}})
	ok(t, err)
	v := w.view(a, arch.ID)
	defer v.Close()
	if m, _ := v.Message(1); m.Flags != mail.FlagSeen || !slices.Equal(m.Keywords, []string{"work"}) {
		t.Fatalf("other place %+v", m)
	}
	if got := w.byPath(a, "Archive").Counts; got.Unseen != 1 || got.Deleted != 0 {
		t.Fatalf("counts %+v", got)
	}
	// Expunging one place leaves the e-mail; expunging the last takes it.
	gone, _, err := a.Expunge(ctx, in.ID, nil)
	ok(t, err)
	if !slices.Equal(gone, []mail.UID{2}) {
		t.Fatalf("expunged %v", gone)
	}
	m, _ := v.Message(1)
	if _, err := a.Email(ctx, m.EmailID); err != nil {
		t.Fatal(err)
	}
	gone, _, err = a.ExpungeUIDs(ctx, arch.ID, []mail.UID{1})
	if err != nil || len(gone) != 1 {
		t.Fatalf("expunged %v, %v", gone, err)
	}
	_, err = a.Email(ctx, m.EmailID)
	wantKind(t, err, mail.KindNotFound)
	_, err = a.Body(ctx, m.EmailID)
	wantKind(t, err, mail.KindNotFound)
	// A second copy into the same mailbox is an e-mail of its own.
	c, err = a.Copy(ctx, in.ID, []mail.UID{4}, arch.ID)
	ok(t, err)
	ch, err := v.Sync(ctx, SyncAll)
	ok(t, err)
	if ch.New != 1 || len(ch.Vanished) != 1 || v.Len() != 2 {
		t.Fatalf("changes %+v", ch)
	}
	one, _ := v.Message(1)
	two, _ := v.Message(2)
	if one.EmailID == two.EmailID || two.UID != c.Dst[0] {
		t.Fatalf("%+v and %+v", one, two)
	}
	mv, err := a.Move(ctx, in.ID, []mail.UID{1, 4}, arch.ID)
	ok(t, err)
	if len(mv.Dst) != 2 || w.byPath(a, Inbox).Counts.Total != 2 || w.byPath(a, "Archive").Counts.Total != 4 {
		t.Fatalf("moved %+v", mv)
	}
	self, err := a.Move(ctx, arch.ID, mv.Dst, arch.ID)
	if err != nil || len(self.Dst) != 2 || w.byPath(a, "Archive").Counts.Total != 4 {
		t.Fatalf("moved to itself %+v, %v", self, err)
	}
}

func TestUnchangedSince(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	for n := range 3 {
		w.deliver(a, n)
	}
	in := w.byPath(a, Inbox)
	since := mail.ModSeq(3)
	res, err := a.SetFlags(ctx, in.ID, []mail.UID{1, 2, 3}, FlagChange{Flags: mail.FlagFlagged, UnchangedSince: &since})
	ok(t, err)
	if !slices.Equal(res.Changed, []mail.UID{1, 2}) || !slices.Equal(res.Modified, []mail.UID{3}) || res.ModSeq != 5 {
		t.Fatalf("result %+v", res)
	}
	res, err = a.SetFlags(ctx, in.ID, []mail.UID{1}, FlagChange{Flags: mail.FlagFlagged})
	if err != nil || len(res.Changed) != 0 || res.ModSeq != 5 {
		t.Fatalf("nothing to change: %+v, %v", res, err)
	}
	res, err = a.SetFlags(ctx, in.ID, []mail.UID{1}, FlagChange{Mode: FlagsReplace, Keywords: []string{"a", "$Seen"}})
	if err != nil || len(res.Changed) != 1 {
		t.Fatalf("replace: %+v, %v", res, err)
	}
	v := w.view(a, in.ID)
	defer v.Close()
	if m, _ := v.Message(1); m.Flags != mail.FlagSeen || !slices.Equal(m.Keywords, []string{"a"}) {
		t.Fatalf("%+v", m)
	}
}

func TestPlaceholders(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	for n := range 6 {
		w.deliver(a, n)
	}
	in := w.byPath(a, Inbox)
	v := w.view(a, in.ID)
	defer v.Close()
	_, _, err := a.ExpungeUIDs(ctx, in.ID, []mail.UID{1, 3, 6})
	ok(t, err)
	w.deliver(a, 7)
	_, err = a.SetFlags(ctx, in.ID, []mail.UID{4}, FlagChange{Flags: mail.FlagSeen})
	ok(t, err)
	ch, err := v.Sync(ctx, SyncKeep)
	ok(t, err)
	if v.Len() != 7 || ch.New != 1 || len(ch.Vanished) != 0 || !slices.Equal(ch.Changed, []Ref{{4, 4}}) {
		t.Fatalf("kept: %d, %+v", v.Len(), ch)
	}
	for seq, gone := range map[int]bool{1: true, 2: false, 3: true, 4: false, 5: false, 6: true, 7: false} {
		if m, _ := v.Message(seq); m.Gone != gone || int(m.UID) != seq {
			t.Fatalf("message %d: %+v", seq, m)
		}
	}
	if ch, _ = v.Sync(ctx, SyncKeep); !ch.Empty() {
		t.Fatalf("nothing happened, yet %+v", ch)
	}
	ch, err = v.Sync(ctx, SyncAll)
	ok(t, err)
	if v.Len() != 4 || !slices.Equal(ch.Vanished, []Ref{{6, 6}, {3, 3}, {1, 1}}) {
		t.Fatalf("let go: %d, %+v", v.Len(), ch)
	}
}

func TestChangesAndVanished(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	var mails []Appended
	for n := range 4 {
		mails = append(mails, w.deliver(a, n))
	}
	in, arch := w.byPath(a, Inbox), w.byPath(a, "Archive")
	start, err := a.Number(ctx)
	ok(t, err)
	_, err = a.SetFlags(ctx, in.ID, []mail.UID{1, 2, 3}, FlagChange{Flags: mail.FlagSeen})
	ok(t, err)
	_, err = a.Move(ctx, in.ID, []mail.UID{2}, arch.ID)
	ok(t, err)
	_, _, err = a.ExpungeUIDs(ctx, in.ID, []mail.UID{3})
	ok(t, err)
	fresh := w.deliver(a, 9)
	log, err := a.Changes(ctx, start, 0)
	ok(t, err)
	if !slices.Equal(log.Emails.Created, []mail.EmailID{fresh.EmailID}) ||
		!slices.Equal(log.Emails.Destroyed, []mail.EmailID{mails[2].EmailID}) ||
		!sameSet(log.Emails.Updated, []mail.EmailID{mails[0].EmailID, mails[1].EmailID}) || log.More {
		t.Fatalf("changes %+v", log)
	}
	if !sameSet(log.CountsOnly, []mail.MailboxID{in.ID, arch.ID}) {
		t.Fatalf("mailboxes %+v", log.Mailboxes)
	}
	part, err := a.Changes(ctx, start, 1)
	if err != nil || !part.More || part.Until != start+1 {
		t.Fatalf("first part %+v, %v", part, err)
	}
	uids, complete, err := a.Vanished(ctx, in.ID, start)
	if err != nil || !complete || !slices.Equal(uids, []mail.UID{2, 3}) {
		t.Fatalf("vanished %v %v %v", uids, complete, err)
	}
	_, err = a.Changes(ctx, 0, 0)
	wantKind(t, err, mail.KindNotFound)
}

func TestJournalIsPruned(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{Journal: 100})
	a := w.birth(Quota{})
	for range 1100 {
		ok(t, a.SetQuota(ctx, Quota{}))
	}
	if _, complete, err := a.Vanished(ctx, w.byPath(a, Inbox).ID, 500); err != nil || complete {
		t.Fatalf("the journal reaches back too far: %v %v", complete, err)
	}
	if _, complete, err := a.Vanished(ctx, w.byPath(a, Inbox).ID, 1000); err != nil || !complete {
		t.Fatalf("the journal is too short: %v %v", complete, err)
	}
	rows := 0
	ok(t, a.view(ctx, func(v store.View) error {
		return v.Scan(ctx, rowRange(a.id, rowJournal), func(_, _ []byte) (bool, error) { rows++; return true, nil })
	}))
	if rows > 200 {
		t.Fatalf("%d journal rows left", rows)
	}
}

func TestDeath(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a, other := w.birth(Quota{}), w.birth(Quota{})
	for n := range 10 {
		w.deliver(a, n)
	}
	w.deliver(other, 1)
	b := store.NewBatch()
	ok(t, w.svc.Death(ctx, b, a.ID()))
	ok(t, store.Commit(ctx, w.db, b))
	_, err := a.Mailboxes(ctx)
	wantKind(t, err, mail.KindNotFound)
	ap, _ := w.message(a, 11)
	_, err = w.svc.Deliver(ctx, []Append{ap}, nil)
	wantKind(t, err, mail.KindNotFound)
	rows := 0
	ok(t, a.view(ctx, func(v store.View) error {
		return v.Scan(ctx, store.PrefixRange(partition(a.ID()).AppendPrefix(nil)), func(_, _ []byte) (bool, error) { rows++; return true, nil })
	}))
	if rows != 0 || w.byPath(other, Inbox).Counts.Total != 1 {
		t.Fatalf("%d rows left", rows)
	}
}

func TestWatch(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, Options{})
	a := w.birth(Quota{})
	all, err := a.Watch(ctx)
	ok(t, err)
	defer all.Close()
	v := w.view(a, w.byPath(a, "Archive").ID)
	defer v.Close()
	box := v.Watch()
	w.deliver(a, 1)
	select {
	case <-all.C():
	default:
		t.Fatal("the account's watcher heard nothing")
	}
	select {
	case <-box.C():
		t.Fatal("the watcher of another mailbox heard of it")
	default:
	}
}
