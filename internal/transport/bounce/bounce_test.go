package bounce

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/jhillyerd/enmime/v2"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
	"github.com/posthorn-mail/posthorn/internal/state/mailbox"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/transport/intake"
	"github.com/posthorn-mail/posthorn/internal/transport/queue"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 11, 21, 21, 0, 0, 0, time.UTC)

// world is a bouncer on real parts, with one account kaethe@nord.test, who is spoken to in German.
type world struct {
	t      *testing.T
	ctx    context.Context
	clock  *clock.Fake
	db     *pebblestore.DB
	box    *mailbox.Service
	q      *queue.Queue
	in     *intake.Intake
	bn     *Bouncer
	kaethe directory.Account
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), clock: clock.NewFake(start)}
	var err error
	w.db, err = pebblestore.Open("store", pebblestore.Options{FS: vfs.NewMem(), Clock: w.clock})
	w.must(err)
	w.box = mailbox.New(w.db, mailbox.Options{Clock: w.clock})
	dir, err := directory.Open(w.ctx, w.db, directory.Options{Clock: w.clock, Hostname: "mx.nord.test",
		Births: func(b *store.Batch, a directory.Account) { w.box.Birth(b, a.ID, mailbox.BirthOptions{}) }})
	w.must(err)
	w.must(dir.AddDomain(w.ctx, "nord.test"))
	w.kaethe, err = dir.AddAccount(w.ctx, directory.NewAccount{Addresses: []mail.Address{w.addr("kaethe@nord.test")}, Lang: text.DE})
	w.must(err)
	w.q, err = queue.Open(w.ctx, w.db, queue.Options{Clock: w.clock})
	w.must(err)
	w.in = intake.New(intake.Options{Store: w.db, Mailbox: w.box, Directory: dir, Queue: w.q, Hostname: "mx.nord.test", Clock: w.clock})
	w.bn = New(Options{Store: w.db, Intake: w.in, Hostname: "mx.nord.test", Clock: w.clock})
	t.Cleanup(func() {
		dir.Close()
		w.box.Close()
		w.must(w.db.Close())
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) addr(s string) mail.Address {
	w.t.Helper()
	a, err := mail.ParseAddress(s)
	w.must(err)
	return a
}

// message stores a message's bytes and gives what the queue knows of it.
func (w *world) message(from, content string) *queue.Message {
	w.t.Helper()
	bw := w.db.Stage(w.ctx)
	returnPath := "Return-Path: <" + from + ">\r\n"
	_, err := io.WriteString(bw, returnPath+strings.ReplaceAll(content, "\n", "\r\n"))
	w.must(err)
	staged, err := bw.Finish()
	w.must(err)
	b := store.NewBatch()
	b.AddBlob(staged)
	b.Ref(staged.Ref().ID, []byte("test"))
	w.must(store.Commit(w.ctx, w.db, b))
	m := &queue.Message{ID: mail.MessageID{ID: mail.NewID(start)}, From: w.addr(from), Blob: staged.Ref(), Skip: int64(len(returnPath)),
		Created: start, Expires: start.Add(5 * 24 * time.Hour), EnvID: "env-1"}
	if from == "kaethe@nord.test" {
		m.Account, m.Lang = w.kaethe.ID, text.DE
	}
	return m
}

// inbox is the one message kaethe has.
func (w *world) inbox() []byte {
	w.t.Helper()
	a := w.box.Account(w.kaethe.ID)
	mb, err := a.ByPath(w.ctx, "INBOX")
	w.must(err)
	v, err := a.Open(w.ctx, mb.ID)
	w.must(err)
	defer v.Close()
	if v.Len() != 1 {
		w.t.Fatalf("%d messages in the inbox", v.Len())
	}
	m, _ := v.Message(1)
	body, err := a.Body(w.ctx, m.EmailID)
	w.must(err)
	defer body.Close()
	b, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
	w.must(err)
	return b
}

func join(*store.Batch, mail.MessageID) error { return nil }

const report = "From: =?utf-8?q?K=C3=A4the?= <kaethe@nord.test>\nTo: jan@sued.test\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus Kiel\n" +
	"Date: Sat, 21 Nov 2026 21:55:00 +0100\nMessage-ID: <1@nord.test>\n\nHallo Jan!\n"

func (w *world) outcome(to string, action queue.Action, r queue.Result) queue.Outcome {
	return queue.Outcome{Recipient: mail.Recipient{Address: w.addr(to)}, Action: action, Result: r, Attempts: 1}
}

// varying are the parts of a notice that no two have in common.
var varying = regexp.MustCompile(`=_[a-z0-9]{26}|[0-9a-v]{20}`)

// readable is the notice as a golden file holds it: text decoded, what varies replaced.
func readable(t *testing.T, b []byte) []byte {
	t.Helper()
	e, err := enmime.ReadEnvelope(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Errors) > 0 {
		t.Errorf("another parser complains: %v", e.Errors)
	}
	var out bytes.Buffer
	for _, name := range []string{"Return-Path", "From", "To", "Subject", "In-Reply-To", "References", "Auto-Submitted", "Content-Language", "Content-Type"} {
		out.WriteString(name + ": " + e.GetHeader(name) + "\n")
	}
	for p := e.Root.FirstChild; p != nil; p = p.NextSibling {
		out.WriteString("=== " + p.ContentType + "\n" + strings.ReplaceAll(string(p.Content), "\r\n", "\n"))
	}
	names := map[string]string{}
	return varying.ReplaceAllFunc(out.Bytes(), func(m []byte) []byte {
		if names[string(m)] == "" {
			names[string(m)] = "ID" + string(rune('A'+len(names)))
		}
		return []byte(names[string(m)])
	})
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

var unknown = queue.Result{Status: queue.Failed, Code: 550, Enhanced: "5.1.1", Reply: "550 5.1.1 <jan@sued.test>: no such user",
	Server: "mx.sued.test", Address: "192.0.2.25"}

func TestNotices(t *testing.T) {
	for _, c := range []struct {
		name  string
		about func(w *world) []queue.Outcome
	}{
		{"failed", func(w *world) []queue.Outcome {
			o := w.outcome("jan@sued.test", queue.ActionFailed, unknown)
			o.Recipient.OriginalType, o.Recipient.Original = "rfc822", "Jan@sued.test"
			full := queue.Result{Status: queue.Failed, Code: 552, Reply: "552 mailbox full, sorry", Server: "mx.west.test"}
			return []queue.Outcome{o, w.outcome("piet@west.test", queue.ActionFailed, full), w.outcome("kees@west.test", queue.ActionFailed, full)}
		}},
		{"expired", func(w *world) []queue.Outcome {
			w.clock.Advance(5 * 24 * time.Hour)
			o := w.outcome("jan@sued.test", queue.ActionFailed, queue.Result{Status: queue.Deferred, Enhanced: "4.4.1",
				Reply: "connect: connection refused", Server: "mx.sued.test", Address: "192.0.2.25"})
			o.Expired = true
			return []queue.Outcome{o}
		}},
		{"delayed", func(w *world) []queue.Outcome {
			w.clock.Advance(4 * time.Hour)
			return []queue.Outcome{w.outcome("jan@sued.test", queue.ActionDelayed, queue.Result{Status: queue.Deferred, Code: 451,
				Enhanced: "4.7.1", Reply: "451 4.7.1 please come back later", Server: "mx.sued.test"})}
		}},
		{"delivered", func(w *world) []queue.Outcome {
			return []queue.Outcome{
				w.outcome("kaethe@nord.test", queue.ActionDelivered, queue.Result{Status: queue.Delivered, Enhanced: "2.0.0", Final: true}),
				w.outcome("jan@sued.test", queue.ActionRelayed, queue.Result{Status: queue.Delivered, Code: 250, Enhanced: "2.0.0",
					Reply: "250 2.0.0 queued", Server: "mx.sued.test"}),
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			m := w.message("kaethe@nord.test", report)
			joined := 0
			err := w.bn.Notify(w.ctx, queue.Notice{Message: m, About: c.about(w)}, func(b *store.Batch, id mail.MessageID) error {
				joined++
				return nil
			})
			w.must(err)
			if joined != 1 {
				t.Errorf("join was called %d times", joined)
			}
			golden(t, c.name, readable(t, w.inbox()))
		})
	}
}

// stranger's notices go to the queue; notice reads the one that is there.
func (w *world) notice() (queue.Item, []byte) {
	w.t.Helper()
	items, err := w.q.List(w.ctx, queue.Filter{})
	w.must(err)
	if len(items) != 1 {
		w.t.Fatalf("%d messages in the queue", len(items))
	}
	blob, err := w.db.OpenBlob(w.ctx, items[0].Message.Blob.ID)
	w.must(err)
	defer blob.Close()
	skip := items[0].Message.Skip
	b, err := io.ReadAll(io.NewSectionReader(blob, skip, blob.Size()-skip))
	w.must(err)
	return items[0], b
}

func TestWhatComesBack(t *testing.T) {
	large := report + strings.Repeat("Zeile\n", 20_000)
	for _, c := range []struct {
		name    string
		content string
		change  func(*queue.Message)
		action  queue.Action
		want    string // the third part's type
	}{
		{"small", report, func(*queue.Message) {}, queue.ActionFailed, "message/rfc822"},
		{"large", large, func(*queue.Message) {}, queue.ActionFailed, "text/rfc822-headers"},
		{"large, full", large, func(m *queue.Message) { m.Return = mail.ReturnFull }, queue.ActionFailed, "message/rfc822"},
		{"small, but TLS was required", report, func(m *queue.Message) { m.Return, m.RequireTLS = mail.ReturnFull, true }, queue.ActionFailed, "text/rfc822-headers"},
		{"small, headers", report, func(m *queue.Message) { m.Return = mail.ReturnHeaders }, queue.ActionFailed, "text/rfc822-headers"},
		{"delay, full", report, func(m *queue.Message) { m.Return = mail.ReturnFull }, queue.ActionDelayed, "text/rfc822-headers"},
		{"binary", report, func(m *queue.Message) { m.Body = mail.BodyBinary }, queue.ActionFailed, "text/rfc822-headers"},
		{"utf-8", "Subject: Grüße\n\nü\n", func(m *queue.Message) { m.UTF8 = true; m.Body = mail.Body8Bit }, queue.ActionFailed, "message/global"},
		{"utf-8, headers", "Subject: Grüße\n\nü\n", func(m *queue.Message) { m.UTF8 = true; m.Return = mail.ReturnHeaders }, queue.ActionFailed, "message/global-headers"},
		{"gone", report, func(m *queue.Message) { m.Blob.ID = store.BlobID{ID: mail.NewID(start)} }, queue.ActionFailed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			m := w.message("eva@ost.test", c.content)
			c.change(m)
			w.must(w.bn.Notify(w.ctx, queue.Notice{Message: m, About: []queue.Outcome{w.outcome("jan@sued.test", c.action, unknown)}}, join))
			item, b := w.notice()
			var sc message.Scanner
			_, _ = sc.Write(b)
			s := sc.Close()
			if s.Root.Subtype != "report" || s.Find(1).Subtype != "plain" {
				t.Fatalf("%s", b)
			}
			if !strings.HasSuffix("message/"+s.Root.Params.Get("report-type"), s.Find(2).Subtype) {
				t.Errorf("report-type %q, second part %s", s.Root.Params.Get("report-type"), s.Find(2).Subtype)
			}
			got := ""
			if p := s.Find(3); p != nil {
				got = p.Type + "/" + p.Subtype
				back := string(b[p.BodyStart:p.End])
				want := strings.ReplaceAll(c.content, "\n", "\r\n")
				if strings.HasSuffix(got, "headers") {
					want, _, _ = strings.Cut(want, "\r\n\r\n")
				}
				if strings.TrimSpace(back) != strings.TrimSpace(want) {
					t.Errorf("%d bytes came back of %d", len(back), len(want))
				}
			}
			if got != c.want {
				t.Errorf("%q came back, want %q", got, c.want)
			}
			if item.Message.UTF8 != m.UTF8 || !item.Message.From.IsNull() || item.Recipients[0].Recipient.Notify != mail.NotifyNever {
				t.Errorf("envelope %+v, %+v", item.Message, item.Recipients)
			}
		})
	}
}

func TestNoNoticeAboutANotice(t *testing.T) {
	w := newWorld(t)
	m := w.message("kaethe@nord.test", report)
	m.From = mail.Address{}
	err := w.bn.Notify(w.ctx, queue.Notice{Message: m, About: []queue.Outcome{w.outcome("jan@sued.test", queue.ActionFailed, unknown)}}, join)
	if f := mail.AsFault(err); err == nil || f.Kind.Temporary() {
		t.Errorf("a notice to the null path: %v", err)
	}
	m.From = w.addr("gone@nord.test")
	err = w.bn.Notify(w.ctx, queue.Notice{Message: m, About: []queue.Outcome{w.outcome("jan@sued.test", queue.ActionFailed, unknown)}}, join)
	if !mail.IsKind(err, mail.KindNoSuchUser) {
		t.Errorf("a notice to nobody: %v", err)
	}
	if n, err := w.q.Depth(w.ctx); n != 0 || err != nil {
		t.Errorf("%d messages queued, %v", n, err)
	}
}

func TestJoinDecides(t *testing.T) {
	w := newWorld(t)
	broken := errors.New("broken")
	err := w.bn.Notify(w.ctx, queue.Notice{Message: w.message("eva@ost.test", report),
		About: []queue.Outcome{w.outcome("jan@sued.test", queue.ActionFailed, unknown)}},
		func(*store.Batch, mail.MessageID) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if n, _ := w.q.Depth(w.ctx); n != 0 {
		t.Error("the notice went out without what causes it")
	}
}

func TestManyRecipientsAndEvilReplies(t *testing.T) {
	w := newWorld(t)
	m := w.message("eva@ost.de", report)
	var about []queue.Outcome
	for i := range 100 {
		r := unknown
		r.Reply = "550 5.1.1 evil\r\nBcc: x@y\r\n\r\n--boundary " + strings.Repeat("ü", 1000) + string(rune('a'+i%26)) + "\x00\x1b[31m"
		about = append(about, w.outcome("u"+strings.Repeat("x", i%40)+"@sued.test", queue.ActionFailed, r))
	}
	w.must(w.bn.Notify(w.ctx, queue.Notice{Message: m, About: about}, join))
	_, b := w.notice()
	e, err := enmime.ReadEnvelope(bytes.NewReader(b))
	w.must(err)
	if strings.ContainsAny(e.Text, "\x00\x1b") {
		t.Error("control characters in the text")
	}
	if !strings.Contains(e.Text, "und 26 weitere") && !strings.Contains(e.Text, "weitere") {
		t.Errorf("not cut: %s", e.Text)
	}
	if !strings.HasPrefix(e.Text, "Diese Nachricht") {
		t.Errorf("a German stranger reads first: %.60s", e.Text)
	}
	status := e.Root.FirstChild.NextSibling.Content
	if n := bytes.Count(status, []byte("Final-Recipient:")); n != 100 {
		t.Errorf("%d of 100 recipients in the report", n)
	}
	for line := range strings.SplitSeq(string(status), "\r\n") {
		if strings.HasPrefix(line, "Bcc") || len(line) > 998 {
			t.Errorf("line %.100q", line)
		}
	}
}

// deaf is a sender that nobody listens to.
type deaf struct{}

func (deaf) Send(_ context.Context, job queue.Job) queue.Report {
	return queue.Report{Results: make([]queue.Result, len(job.Recipients))}
}

func TestSuccessIsToldWhenAsked(t *testing.T) {
	w := newWorld(t)
	w.q.SetNotifier(w.bn)
	ctx, stop := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- w.q.Run(ctx, deaf{}) }()
	for _, notify := range []mail.Notify{0, mail.NotifyFailure, mail.NotifySuccess | mail.NotifyFailure} {
		tx := w.in.Begin(intake.Source{Protocol: obs.ProtoSMTP, Helo: "mx.ost.test"})
		w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("eva@ost.test"), EnvID: "e+1"}))
		w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("kaethe@nord.test"), Notify: notify,
			OriginalType: "rfc822", Original: "Kaethe@nord.test"}))
		_, err := tx.Body(w.ctx, strings.NewReader("From: eva@ost.test\r\nSubject: x\r\n\r\nbody\r\n"))
		w.must(err)
	}
	w.clock.Advance(time.Second)
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		items, err := w.q.List(w.ctx, queue.Filter{})
		w.must(err)
		if len(items) == 1 && items[0].Message.From.IsNull() {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("no notice is made: %+v", items)
		}
	}
	stop()
	w.must(<-done)
	item, b := w.notice()
	if got := item.Recipients[0].Recipient.Address; got != w.addr("eva@ost.test") {
		t.Errorf("told %v", got)
	}
	for _, want := range []string{"Subject: Delivered: x", "Action: delivered", "Original-Envelope-Id: e+1", "Original-Recipient: rfc822; Kaethe@nord.test",
		"text/rfc822-headers"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in %s", want, b)
		}
	}
	if strings.Contains(string(b), "body") {
		t.Error("the message came back")
	}
}
