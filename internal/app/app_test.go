package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/base/clock"
	"github.com/posthorn-mail/posthorn/internal/base/resolve"
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
)

// testConfig listens on free ports of loopback and stores below a short folder, as socket paths are short.
func testConfig(t *testing.T) config.Config {
	t.Helper()
	dir, err := os.MkdirTemp("", "ph")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cfg := config.Default()
	cfg.Hostname.Domain, cfg.Data = "mail.nord.test", dir
	free := []config.Addr{config.TCP("127.0.0.1:0")}
	l := &cfg.Listen
	l.SMTP, l.Submission, l.Submissions, l.IMAP, l.IMAPS, l.POP3, l.POP3S, l.Metrics = free, free, free, free, free, free, free, free
	l.LMTP = []config.Addr{{Network: "unix", Address: filepath.Join(dir, "lmtp", "sock")}}
	return cfg
}

func testWorld() World {
	return World{Clock: clock.NewFake(time.Now()), FS: vfs.NewMem(), Resolver: resolve.MustZone("")}
}

// start runs a server until the test ends; stop ends it sooner and gives Run's error.
func start(t *testing.T, cfg config.Config, w World) (a *App, stop func() error) {
	t.Helper()
	a, err := New(cfg, w)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-a.Ready():
	case err := <-done:
		done <- nil
		t.Fatalf("the server ended: %v", err)
	}
	return a, stop
}

func TestServerServesAndStops(t *testing.T) {
	cfg, w := testConfig(t), testWorld()
	a, stop := start(t, cfg, w)
	greetings := map[string]string{"smtp": "220 ", "submission": "220 ", "lmtp": "220 ", "imap": "* OK ", "pop3": "+OK "}
	for name, want := range greetings {
		if a.Addr(name) == nil {
			t.Errorf("%s is not open", name)
			continue
		}
		conn, err := net.Dial(a.Addr(name).Network(), a.Addr(name).String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("%s greets with %q, %v", name, line, err)
		}
	}
	for path, want := range map[string]string{"/readyz": "ok", "/healthz": "ok", "/metrics": "posthorn_sessions"} {
		res, err := http.Get("http://" + a.Addr("metrics").String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s says %.60s, %v", path, body, err)
		}
	}
	if _, err := New(cfg, w); err == nil {
		t.Error("two servers opened one store")
	}
	st, err := os.Stat(cfg.Socket())
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the admin socket: %v, %v", st, err)
	}
	client, err := adminapi.Dial(t.Context(), cfg.Socket())
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Call(t.Context(), "domain.add", adminapi.NewDomain{Name: "nord.test"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	// What was said yes to is there again, for another server on the same disk.
	again, _ := start(t, cfg, w)
	domains, err := again.Admin().Domains(t.Context(), adminapi.DomainPage{})
	if err != nil || len(domains) != 1 || domains[0].Name != "nord.test" {
		t.Errorf("after a restart: %v, %v", domains, err)
	}
}

func TestSendReachesAMailbox(t *testing.T) {
	a, _ := start(t, testConfig(t), testWorld())
	ctx := t.Context()
	anna := mail.Address{Local: "anna", Domain: "nord.test"}
	if _, err := a.Admin().AddDomain(ctx, adminapi.NewDomain{Name: "nord.test"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Admin().AddAccount(ctx, adminapi.NewAccount{Addresses: []mail.Address{anna}}); err != nil {
		t.Fatal(err)
	}
	sent, err := a.Admin().Send(ctx, adminapi.Envelope{From: anna, To: []mail.Address{anna}}, strings.NewReader("Subject: x\r\n\r\nx\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := a.Admin().Account(ctx, adminapi.AccountName{Address: anna})
	if err != nil || st.Mailboxes[0].Total != 1 {
		t.Errorf("the inbox: %+v, %v", st.Mailboxes, err)
	}
	j, err := a.Admin().Journey(ctx, adminapi.MessageName(sent))
	if err != nil || len(j.Events) < 2 {
		t.Errorf("the journey: %+v, %v", j, err)
	}
	nobody := mail.Address{Local: "nobody", Domain: "nord.test"}
	_, err = a.Admin().Send(ctx, adminapi.Envelope{From: anna, To: []mail.Address{anna, nobody}}, strings.NewReader("x"))
	if !mail.IsKind(err, mail.KindNoSuchUser) {
		t.Errorf("a message to nobody: %v", err)
	}
}

func TestBackupIsAStoreToStartFrom(t *testing.T) {
	cfg, w := testConfig(t), testWorld()
	a, stop := start(t, cfg, w)
	ctx := t.Context()
	anna := mail.Address{Local: "anna", Domain: "nord.test"}
	if _, err := a.Admin().AddDomain(ctx, adminapi.NewDomain{Name: "nord.test"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Admin().AddAccount(ctx, adminapi.NewAccount{Addresses: []mail.Address{anna}}); err != nil {
		t.Fatal(err)
	}
	send := func() mail.MessageID {
		t.Helper()
		body := strings.NewReader("Subject: x\r\n\r\n" + strings.Repeat("a long body\r\n", 50_000))
		sent, err := a.Admin().Send(ctx, adminapi.Envelope{From: anna, To: []mail.Address{anna}}, body)
		if err != nil {
			t.Fatal(err)
		}
		return sent.ID
	}
	before := send()
	copied := testConfig(t)
	if _, err := a.Admin().Backup(ctx, adminapi.BackupTo{Dir: copied.StoreDir()}, func(adminapi.Progress) error { return nil }); err != nil {
		t.Fatal(err)
	}
	after := send()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	restored, _ := start(t, copied, w)
	st, err := restored.Admin().Account(ctx, adminapi.AccountName{Address: anna})
	if err != nil || st.Mailboxes[0].Total != 1 {
		t.Fatalf("the inbox: %+v, %v", st.Mailboxes, err)
	}
	if _, err := restored.Admin().Journey(ctx, adminapi.MessageName{ID: before}); err != nil {
		t.Error(err)
	}
	if _, err := restored.Admin().Journey(ctx, adminapi.MessageName{ID: after}); !mail.IsKind(err, mail.KindNotFound) {
		t.Errorf("a message sent after the backup: %v", err)
	}
	problems := 0
	if _, err := restored.Admin().Check(ctx, adminapi.CheckWhat{Depth: adminapi.Full}, func(f adminapi.Finding) error {
		if f.Key == text.CheckStoreDamaged {
			problems++
		}
		return nil
	}); err != nil || problems > 0 {
		t.Errorf("the restored store: %d problems, %v", problems, err)
	}
	box := restored.mailboxes.Account(st.Account.ID)
	body, err := box.Body(ctx, mail.EmailID(before))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	raw, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
	if err != nil || strings.Count(string(raw), "a long body\r\n") != 50_000 {
		t.Errorf("the body is %d bytes, %v", len(raw), err)
	}
}

func TestOpenFailsWhenAPortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := testConfig(t)
	cfg.Listen.IMAP = []config.Addr{config.TCP(taken.Addr().String())}
	a, err := New(cfg, testWorld())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "listen for imap") {
		t.Errorf("got %v", err)
	}
}

func TestPartsStopInReverse(t *testing.T) {
	var mu sync.Mutex
	var ended []string
	mk := func(name string, err error) part {
		return part{name, func(ctx context.Context) error {
			if err == nil {
				<-ctx.Done()
			}
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, name)
			return err
		}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := runParts(ctx, []part{mk("a", nil), mk("b", nil), mk("c", nil)}, cancel, func() {})
	if err != nil || !slices.Equal(ended, []string{"c", "b", "a"}) {
		t.Errorf("ended %v, %v", ended, err)
	}
	ended = nil
	broken := errors.New("broken")
	err = runParts(t.Context(), []part{mk("a", nil), mk("b", broken), mk("c", nil)}, func() {}, func() {})
	if !errors.Is(err, broken) || !slices.Equal(ended, []string{"b", "c", "a"}) {
		t.Errorf("ended %v, %v", ended, err)
	}
}

// TestInheritedSockets runs this test binary again the way systemd runs a service: with a socket as file 3.
func TestInheritedSockets(t *testing.T) {
	if os.Getenv("POSTHORN_TEST_CHILD") != "" {
		// The parent cannot know our process id before it starts us.
		env := func(k string) string {
			if k == "LISTEN_PID" {
				return strconv.Itoa(os.Getpid())
			}
			return os.Getenv(k)
		}
		got, err := Inherited(env)
		if err != nil || len(got["imap"]) != 1 {
			t.Fatalf("inherited %v, %v", got, err)
		}
		fmt.Println("inherited", got["imap"][0].Addr())
		return
	}
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestInheritedSockets$", "-test.v")
	cmd.Env = append(os.Environ(), "POSTHORN_TEST_CHILD=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=imap.socket")
	cmd.ExtraFiles = []*os.File{f}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "inherited "+ln.Addr().String()) {
		t.Errorf("%v: %s", err, out)
	}
	if got, err := Inherited(func(string) string { return "" }); got != nil || err != nil {
		t.Errorf("without systemd: %v, %v", got, err)
	}
}

func TestInheritedTakesThePlaceOfTheConfiguration(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := testWorld()
	w.Inherited = map[string][]net.Listener{"imap": {ln}}
	a, _ := start(t, testConfig(t), w)
	if a.Addr("imap").String() != ln.Addr().String() {
		t.Errorf("imap listens on %v", a.Addr("imap"))
	}
}

func TestSystemdIsTold(t *testing.T) {
	cfg, w := testConfig(t), testWorld()
	path := filepath.Join(cfg.Data, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w.NotifySocket = path
	_, stop := start(t, cfg, w)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("told %q, %v", buf[:n], err)
		}
	}
}
