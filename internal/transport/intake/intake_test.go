package intake

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

const hello = "From: Eva <eva@ost.test>\nSubject: hello\n\nHello!\n"

func TestFromStrangerToInbox(t *testing.T) {
	w := newWorld(t, nil)
	r, err := w.send(stranger(), "eva@ost.test", []string{"Kaethe+tag@NORD.test"}, "Return-Path: <forged@x.test>\n"+hello)
	w.must(err)
	want := crlf("Return-Path: <eva@ost.test>\n" +
		"Received: from mail.ost.test ([192.0.2.9])\n\tby mx.nord.test with ESMTP\n\tid " + r.ID.String() + "\n" +
		"\tfor <Kaethe+tag@nord.test>;\n\tSat, 21 Nov 2026 21:00:00 +0000\n" + hello)
	if got := w.inbox(w.kaethe, "INBOX"); len(got) != 1 || got[0] != want {
		t.Errorf("inbox %q\nwant %q", got, want)
	}
	if r.Size != int64(len(want)) || len(r.Recipients) != 1 || r.Recipients[0].Err != nil {
		t.Errorf("receipt %+v, size of %d", r, len(want))
	}
	if got := w.kinds(r.ID); !reflect.DeepEqual(got, []journey.Kind{journey.Accepted, journey.Stored}) {
		t.Errorf("journey %v", got)
	}
	s, err := w.box.Account(w.kaethe.ID).Summary(w.ctx, mail.EmailID{ID: r.ID.ID})
	w.must(err)
	if s.Envelope.Subject != "hello" || s.Preview != "Hello!" || s.Size != r.Size {
		t.Errorf("summary %+v", s)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits = Limits{MaxSize: 10_000, MaxRecipients: 3} })
	_, err := w.send(stranger(), "eva@ost.test", []string{"full@nord.test"}, hello)
	w.must(err)
	for _, c := range []struct {
		name string
		src  Source
		from string
		to   []string
		body string
		want mail.Kind
	}{
		{"unknown", stranger(), "eva@ost.test", []string{"nobody@nord.test"}, hello, mail.KindNoSuchUser},
		{"relay", stranger(), "eva@ost.test", []string{"far@sued.test"}, hello, mail.KindRelayDenied},
		{"relay with a source of ours", stranger(), "kaethe@nord.test", []string{"far@sued.test"}, hello, mail.KindRelayDenied},
		{"relay by percent", stranger(), "eva@ost.test", []string{"far%sued.test@nord.test"}, hello, mail.KindNoSuchUser},
		{"relay by lmtp", Source{Protocol: obs.ProtoLMTP}, "eva@ost.test", []string{"far@sued.test"}, hello, mail.KindRelayDenied},
		{"full", stranger(), "eva@ost.test", []string{"full@nord.test", "full@nord.test"}, hello, mail.KindOverQuota},
		{"too many", stranger(), "eva@ost.test", []string{"kaethe@nord.test", "jan@nord.test", "info@nord.test", "team@nord.test"}, hello, mail.KindTooManyRecipients},
		{"too large", stranger(), "eva@ost.test", []string{"jan@nord.test"}, hello + strings.Repeat("x", 10_000), mail.KindTooLarge},
		{"large header", stranger(), "eva@ost.test", []string{"jan@nord.test"}, "Subject: " + strings.Repeat("x", 20_000) + "\n\n", mail.KindTooLarge},
		{"loop", stranger(), "eva@ost.test", []string{"jan@nord.test"}, strings.Repeat("Received: x\n", 51) + hello, mail.KindLoop},
		{"two authors", stranger(), "eva@ost.test", []string{"jan@nord.test"}, "From: a@b.test\n" + hello, mail.KindBadContent},
		{"my name", Source{Protocol: obs.ProtoSMTP, Helo: "mx.nord.test"}, "eva@ost.test", []string{"jan@nord.test"}, hello, mail.KindPolicy},
		{"alias loop", stranger(), "eva@ost.test", []string{"away@nord.test"}, "Delivered-To: AWAY@nord.test\n" + hello, mail.KindLoop},
		{"no login", Source{Protocol: obs.ProtoSubmission}, "kaethe@nord.test", nil, hello, mail.KindLoginNeeded},
		{"another's path", login(w.kaethe), "jan@nord.test", nil, hello, mail.KindSenderNotYours},
		{"another's From", login(w.kaethe), "kaethe@nord.test", []string{"jan@nord.test"}, "From: Jan <jan@nord.test>\n\n", mail.KindSenderNotYours},
		{"another's Sender", login(w.kaethe), "kaethe@nord.test", []string{"jan@nord.test"}, "From: kaethe@nord.test\nSender: x@ost.test\n\n", mail.KindSenderNotYours},
		{"one of two", login(w.kaethe), "kaethe@nord.test", []string{"jan@nord.test"}, "From: kaethe@nord.test, jan@nord.test\n\n", mail.KindSenderNotYours},
		{"hidden From", login(w.kaethe), "kaethe@nord.test", []string{"jan@nord.test"}, "From: \"x\n\n", mail.KindBadContent},
		{"empty group", login(w.kaethe), "kaethe@nord.test", []string{"jan@nord.test"}, "From: friends:;\n\n", mail.KindBadContent},
		{"second Sender", login(w.kaethe), "kaethe@nord.test", []string{"jan@nord.test"},
			"From: kaethe@nord.test\nSender: kaethe@nord.test\nSender: jan@nord.test\n\n", mail.KindSenderNotYours},
		{"no domain", login(w.kaethe), "kaethe@nord.test", []string{"x@nowhere.test"}, hello, mail.KindNoSuchDomain},
		{"null mx", login(w.kaethe), "kaethe@nord.test", []string{"x@null.test"}, hello, mail.KindNoMail},
		{"no recipient", stranger(), "eva@ost.test", nil, hello, mail.KindSyntax},
	} {
		_, err := w.send(c.src, c.from, c.to, c.body)
		if !mail.IsKind(err, c.want) {
			t.Errorf("%s: %v, want kind %d", c.name, err, c.want)
		}
	}
	for _, a := range []struct{ got []string }{{w.inbox(w.jan, "INBOX")}, {w.inbox(w.kaethe, "INBOX")}} {
		if len(a.got) != 0 {
			t.Errorf("something was stored: %q", a.got)
		}
	}
	if n, err := w.q.Depth(w.ctx); n != 0 || err != nil {
		t.Errorf("something was queued: %d, %v", n, err)
	}
}

func TestEnvelopeRefusals(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.MaxSize = 1000; o.SendLimit = 1 })
	tx := w.in.Begin(stranger())
	if err := tx.From(w.ctx, mail.Envelope{From: w.addr("eva@ost.test"), Size: 1001}); !mail.IsKind(err, mail.KindTooLarge) {
		t.Errorf("declared size: %v", err)
	}
	if err := tx.From(w.ctx, mail.Envelope{From: w.addr("grüße@ost.test")}); !mail.IsKind(err, mail.KindNeedsUTF8) {
		t.Errorf("sender: %v", err)
	}
	if err := tx.From(w.ctx, mail.Envelope{HoldUntil: w.clock.Now()}); !mail.IsKind(err, mail.KindUnsupported) {
		t.Errorf("hold: %v", err)
	}
	w.must(tx.From(w.ctx, mail.Envelope{}))
	if err := tx.To(w.ctx, mail.Recipient{Address: w.addr("jörg@nord.test")}); !mail.IsKind(err, mail.KindNeedsUTF8) {
		t.Errorf("recipient: %v", err)
	}
	if err := tx.To(w.ctx, mail.Recipient{Address: w.addr("jan@nord.test")}); err != nil {
		t.Errorf("a notice's recipient: %v", err)
	}
	tx = w.in.Begin(login(w.kaethe))
	w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("kaethe@nord.test")}))
	w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("a@sued.test")}))
	if err := tx.To(w.ctx, mail.Recipient{Address: w.addr("b@sued.test")}); !mail.IsKind(err, mail.KindTooMany) {
		t.Errorf("over the day's limit: %v", err)
	}
}

func TestSubmissionIsCompleted(t *testing.T) {
	w := newWorld(t, nil)
	src := login(w.kaethe)
	src.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}
	r, err := w.send(src, "kaethe@nord.test", []string{"far@sued.test", "jan@nord.test"},
		"Bcc: secret@sued.test\nTo: far@sued.test\nSubject: x\n\nbody\n")
	w.must(err)
	item, sent := w.sent(r.ID)
	want := crlf("Received: from [10.0.0.1] ([IPv6:2001:db8::7])\n" +
		"\tby mx.nord.test with ESMTPSA (TLS 1.3, TLS_AES_128_GCM_SHA256)\n\tid " + r.ID.String() + ";\n" +
		"\tSat, 21 Nov 2026 21:00:00 +0000\n" +
		"Message-ID: <" + r.ID.String() + "@mx.nord.test>\nDate: Sat, 21 Nov 2026 21:00:00 +0000\n" +
		"From: =?utf-8?q?K=C3=A4the_Gro=C3=9F?= <kaethe@nord.test>\nTo: far@sued.test\nSubject: x\n\nbody\n")
	if sent != want {
		t.Errorf("sent %q\nwant %q", sent, want)
	}
	if len(item.Recipients) != 1 || item.Recipients[0].Recipient.Address != w.addr("far@sued.test") {
		t.Errorf("queued %+v", item.Recipients)
	}
	if got := w.inbox(w.jan, "INBOX"); len(got) != 1 || got[0] != "Return-Path: <kaethe@nord.test>\r\n"+want {
		t.Errorf("stored %q", got)
	}
	kinds := []journey.Kind{journey.Accepted, journey.Stored, journey.Queued}
	if got := w.kinds(r.ID); !reflect.DeepEqual(got, kinds) {
		t.Errorf("journey %v", got)
	}
}

func TestHiddenClient(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Client = HideClient })
	_, err := w.send(login(w.kaethe), "kaethe@nord.test", []string{"jan@nord.test"}, "From: kaethe@nord.test\n\n")
	w.must(err)
	got := w.inbox(w.jan, "INBOX")[0]
	if strings.Contains(got, "10.0.0.1") || strings.Contains(got, "2001:db8") || !strings.Contains(got, "Received: by mx.nord.test") {
		t.Errorf("%q", got)
	}
	_, err = w.send(stranger(), "eva@ost.test", []string{"kaethe@nord.test"}, hello)
	w.must(err)
	if got := w.inbox(w.kaethe, "INBOX")[0]; !strings.Contains(got, "192.0.2.9") {
		t.Errorf("a server's address is hidden: %q", got)
	}
}

func TestAliasesAndGroups(t *testing.T) {
	for _, c := range []struct {
		to                []string
		kaethe, jan, full int
		remote            []string
		deliveredTo       bool
	}{
		{[]string{"info@nord.test"}, 1, 1, 0, nil, false},
		{[]string{"info@nord.test", "kaethe@nord.test"}, 1, 1, 0, nil, false},
		{[]string{"dup@nord.test"}, 1, 0, 0, nil, false},
		{[]string{"away@nord.test"}, 0, 0, 0, []string{"far@sued.test"}, true},
		{[]string{"away@nord.test", "jan@nord.test"}, 0, 1, 0, []string{"far@sued.test"}, false},
		{[]string{"team@nord.test"}, 1, 1, 1, []string{"far@sued.test"}, true},
		{[]string{"anybody@all.test"}, 1, 0, 0, nil, false},
		{[]string{"kaethe@alt.test"}, 1, 0, 0, nil, false},
	} {
		t.Run(strings.Join(c.to, " "), func(t *testing.T) {
			w := newWorld(t, nil)
			r, err := w.send(stranger(), "eva@ost.test", c.to, hello)
			w.must(err)
			if k, j, f := len(w.inbox(w.kaethe, "INBOX")), len(w.inbox(w.jan, "INBOX")), len(w.inbox(w.full, "INBOX")); k != c.kaethe || j != c.jan || f != c.full {
				t.Errorf("kaethe has %d, jan %d, full %d", k, j, f)
			}
			if c.remote == nil {
				if has, err := w.q.Has(w.ctx, r.ID); has || err != nil {
					t.Errorf("something is queued, %v", err)
				}
				return
			}
			item, sent := w.sent(r.ID)
			var remote []string
			for _, p := range item.Recipients {
				remote = append(remote, p.Recipient.Address.String())
				if p.Recipient.Original != c.to[0] || p.Recipient.OriginalType != "rfc822" {
					t.Errorf("original recipient %+v", p.Recipient)
				}
			}
			if !reflect.DeepEqual(remote, c.remote) {
				t.Errorf("queued for %v", remote)
			}
			if strings.Contains(sent, "Delivered-To: "+c.to[0]) != c.deliveredTo || strings.Contains(sent, "Return-Path") {
				t.Errorf("sent %q", sent)
			}
		})
	}
}

func TestTrustedNetworkMayRelay(t *testing.T) {
	w := newWorld(t, nil)
	src := stranger()
	src.Trusted = true
	r, err := w.send(src, "printer@ost.test", []string{"x@sued.test"}, "From: printer@ost.test\nBcc: y@sued.test\n\nscan\n")
	w.must(err)
	if _, sent := w.sent(r.ID); !strings.Contains(sent, "Message-ID: <") || !strings.Contains(sent, "Bcc: y@sued.test") {
		t.Errorf("sent %q", sent)
	}
}

func TestLocalLineEnds(t *testing.T) {
	w := newWorld(t, nil)
	tx := w.in.Begin(Source{Protocol: obs.ProtoLocal})
	w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("root@nord.test")}))
	w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("jan@nord.test")}))
	_, err := tx.Body(w.ctx, iotest.OneByteReader(strings.NewReader("Subject: x\n\na\r\nb\n")))
	w.must(err)
	got := w.inbox(w.jan, "INBOX")[0]
	if !strings.HasSuffix(got, "From: root@nord.test\r\nSubject: x\r\n\r\na\r\nb\r\n") {
		t.Errorf("%q", got)
	}
}

func TestABrokenClientLeavesNothing(t *testing.T) {
	w := newWorld(t, nil)
	gone := errors.New("gone")
	for _, sent := range []string{"", "Subject: x\r\n", hello, hello + strings.Repeat("x", 1<<20)} {
		tx := w.in.Begin(stranger())
		w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("eva@ost.test")}))
		w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("jan@nord.test")}))
		_, err := tx.Body(w.ctx, io.MultiReader(strings.NewReader(sent), iotest.ErrReader(gone)))
		if !errors.Is(err, gone) {
			t.Errorf("after %d bytes: %v", len(sent), err)
		}
	}
	if got := w.inbox(w.jan, "INBOX"); len(got) != 0 {
		t.Errorf("stored %q", got)
	}
}

func TestTheOutcomeIsKnownThoughTheClientIsGone(t *testing.T) {
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(w.ctx)
	tx := w.in.Begin(stranger())
	w.must(tx.From(ctx, mail.Envelope{From: w.addr("eva@ost.test")}))
	w.must(tx.To(ctx, mail.Recipient{Address: w.addr("jan@nord.test")}))
	_, err := tx.Body(ctx, &endsWith{strings.NewReader(crlf(hello)), cancel})
	if err != nil && len(w.inbox(w.jan, "INBOX")) != 0 || err == nil && len(w.inbox(w.jan, "INBOX")) != 1 {
		t.Errorf("error %v, but the inbox says otherwise", err)
	}
}

type endsWith struct {
	r   io.Reader
	end func()
}

func (e *endsWith) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err == io.EOF {
		e.end()
	}
	return n, err
}

// TestLargeMessageStreams takes a large message into a store on a real disk while it watches the heap.
func TestLargeMessageStreams(t *testing.T) {
	size := int64(100 << 20)
	if testing.Short() {
		size = 20 << 20
	}
	w := newWorldOn(t, vfs.Default, filepath.Join(t.TempDir(), "store"), func(o *Options) { o.Limits.MaxSize = 200 << 20 })
	tx := w.in.Begin(stranger())
	w.must(tx.From(w.ctx, mail.Envelope{From: w.addr("eva@ost.test"), Size: size}))
	w.must(tx.To(w.ctx, mail.Recipient{Address: w.addr("jan@nord.test")}))
	header := "From: eva@ost.test\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	heap := &heapWatch{r: &zeros{left: size}}
	heap.look()
	before := heap.most
	r, err := tx.Body(w.ctx, io.MultiReader(strings.NewReader(header), heap))
	w.must(err)
	heap.look()
	if r.Size < size {
		t.Errorf("stored %d of %d bytes", r.Size, size)
	}
	if more := int64(heap.most) - int64(before); more > 64<<20 {
		t.Errorf("%d MiB of memory for a message of %d MiB", more>>20, size>>20)
	}
	s, err := w.box.Account(w.jan.ID).Summary(w.ctx, mail.EmailID{ID: r.ID.ID})
	w.must(err)
	if s.Root.Size() != size || s.Root.Lines != size/78 {
		t.Errorf("described as %d bytes in %d lines", s.Root.Size(), s.Root.Lines)
	}
}

// heapWatch remembers the most memory that was in use while a message was read.
type heapWatch struct {
	r     io.Reader
	count int
	most  uint64
}

func (h *heapWatch) Read(p []byte) (int, error) {
	if h.count++; h.count%256 == 0 {
		h.look()
	}
	return h.r.Read(p)
}

func (h *heapWatch) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.most = max(h.most, m.HeapInuse)
}

// zeros is base64 of left bytes in lines.
type zeros struct {
	left int64
	col  int
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.left))
	for i := range p[:n] {
		switch z.col++; z.col {
		case 77:
			p[i] = '\r'
		case 78:
			p[i] = '\n'
			z.col = 0
		default:
			p[i] = 'A'
		}
	}
	z.left -= int64(n)
	return n, nil
}

// discard is a store whose blobs go nowhere.
type discard struct{ store.Store }

func (discard) Stage(context.Context) store.BlobWriter { return discardBlob{} }

type discardBlob struct{ store.BlobWriter }

func (discardBlob) Write(p []byte) (int, error)             { return len(p), nil }
func (discardBlob) Finish() (store.StagedBlob, error)       { return nil, nil }
func (discardBlob) Abort()                                  {}
func (discardBlob) Open(context.Context) (io.Reader, error) { return bytes.NewReader(nil), nil }

// TestStagingMemoryIsBounded stages a message of 256 MiB into nothing and counts what that allocates.
func TestStagingMemoryIsBounded(t *testing.T) {
	in := New(Options{Store: discard{}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := readHeader(in.buffer(), io.MultiReader(strings.NewReader("Subject: x\r\n\r\n"), &zeros{left: 256 << 20}), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	st, err := in.stage(context.Background(), a)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated for %d", n, st.summary.Size)
	}
}

func TestInject(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Limits.MaxSize = 10 })
	joined := 0
	write := func(out io.Writer) error {
		_, err := io.WriteString(out, "From: mailer-daemon@mx.nord.test\r\n\r\nnotice\r\n")
		return err
	}
	env := mail.Envelope{Recipients: []mail.Recipient{{Address: w.addr("full@nord.test")}, {Address: w.addr("x@sued.test")}}}
	r, err := w.in.Inject(w.ctx, env, Origin{Protocol: obs.ProtoNotice, About: mail.MessageID{ID: mail.NewID(w.clock.Now())}}, write,
		func(b *store.Batch, id mail.MessageID) error {
			joined++
			b.Set(store.Partition{Kind: store.KindJourney}.Key('z'), id.ID[:])
			return nil
		})
	w.must(err)
	if joined != 1 {
		t.Errorf("join was called %d times", joined)
	}
	if v, err := store.Get(w.ctx, w.db, store.Partition{Kind: store.KindJourney}.Key('z')); err != nil || !bytes.Equal(v, r.ID.ID[:]) {
		t.Errorf("what join wrote: %x, %v", v, err)
	}
	if got := w.inbox(w.full, "INBOX"); len(got) != 1 || !strings.HasPrefix(got[0], "Return-Path: <>\r\nReceived: by mx.nord.test\r\n") {
		t.Errorf("inbox %q", got)
	}
	if item, _ := w.sent(r.ID); !item.Message.From.IsNull() {
		t.Errorf("queued from %v", item.Message.From)
	}
	if got := w.kinds(r.ID); got[1] != journey.NoticeFor {
		t.Errorf("journey %v", got)
	}

	broken := errors.New("broken")
	if _, err := w.in.Inject(w.ctx, env, Origin{Protocol: obs.ProtoNotice}, func(io.Writer) error { return broken }, nil); !errors.Is(err, broken) {
		t.Errorf("a body that fails: %v", err)
	}
	_, err = w.in.Inject(w.ctx, env, Origin{Protocol: obs.ProtoNotice}, write, func(*store.Batch, mail.MessageID) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("a join that fails: %v", err)
	}
	gone := mail.Envelope{Recipients: []mail.Recipient{{Address: w.addr("nobody@nord.test")}}}
	if _, err := w.in.Inject(w.ctx, gone, Origin{Protocol: obs.ProtoNotice}, write, nil); !mail.IsKind(err, mail.KindNoSuchUser) {
		t.Errorf("to nobody: %v", err)
	}
}

func TestEvilNamesInTheTrace(t *testing.T) {
	w := newWorld(t, nil)
	src := stranger()
	src.Helo = "evil);\r\nBcc: x\x00 <" + strings.Repeat("ü", 300)
	src.ReverseName = "a b)\"(c"
	_, err := w.send(src, "eva@ost.test", []string{"postmaster@nord.test"}, hello)
	w.must(err)
	got := w.inbox(w.kaethe, "INBOX")[0]
	if !strings.Contains(got, "Received: from evil____Bcc:_x___ü") || !strings.Contains(got, " (a_b___c [192.0.2.9])\r\n") {
		t.Errorf("%q", got)
	}
}

func TestWith(t *testing.T) {
	tlsOn := &tls.ConnectionState{}
	account := mail.AccountID{ID: mail.NewID(time.Unix(1e9, 0))}
	for _, c := range []struct {
		src  Source
		utf8 bool
		want string
	}{
		{Source{Protocol: obs.ProtoSMTP}, false, "SMTP"},
		{Source{Protocol: obs.ProtoSMTP, Extended: true}, false, "ESMTP"},
		{Source{Protocol: obs.ProtoSMTP, Extended: true, TLS: tlsOn}, false, "ESMTPS"},
		{Source{Protocol: obs.ProtoSubmission, Extended: true, TLS: tlsOn, Account: account}, false, "ESMTPSA"},
		{Source{Protocol: obs.ProtoSubmission, Extended: true, TLS: tlsOn, Account: account}, true, "UTF8SMTPSA"},
		{Source{Protocol: obs.ProtoLMTP}, false, "LMTP"},
		{Source{Protocol: obs.ProtoLMTP, TLS: tlsOn}, true, "UTF8LMTPS"},
		{Source{Protocol: obs.ProtoNotice}, false, ""},
	} {
		if got := c.src.with(&mail.Envelope{UTF8: c.utf8}); got != c.want {
			t.Errorf("%+v: %s, want %s", c.src, got, c.want)
		}
	}
}

// BenchmarkBody takes in 4 KiB messages for one mailbox, on a store whose disk is memory.
func BenchmarkBody(b *testing.B) {
	w := newWorld(b, nil)
	msg := crlf(hello + strings.Repeat("a line of text that somebody wrote to somebody\n", 85))
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tx := w.in.Begin(stranger())
			if err := errors.Join(tx.From(w.ctx, mail.Envelope{From: mail.Address{Local: "eva", Domain: "ost.test"}}),
				tx.To(w.ctx, mail.Recipient{Address: mail.Address{Local: "jan", Domain: "nord.test"}})); err != nil {
				b.Fatal(err)
			}
			if _, err := tx.Body(w.ctx, strings.NewReader(msg)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
