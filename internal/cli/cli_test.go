package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/app"
	"github.com/posthorn-mail/posthorn/internal/config"
)

// shell runs commands in a folder of its own, against one configuration.
type shell struct {
	t      *testing.T
	config string
	lang   string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	dir, err := os.MkdirTemp("", "ph") // short: the admin socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &shell{t: t, config: filepath.Join(dir, "posthorn.toml"), lang: "en"}
}

// run runs a command line with some standard input.
func (sh *shell) run(in string, args ...string) (status int, out, errs string) {
	sh.t.Helper()
	var o, e bytes.Buffer
	env := map[string]string{"LANG": sh.lang}
	status = Run(sh.t.Context(), append([]string{"--config", sh.config}, args...), World{
		In: strings.NewReader(in), Out: &o, Err: &e, Getenv: func(k string) string { return env[k] },
	})
	return status, o.String(), e.String()
}

// must runs a command that has to succeed and say what the pattern says.
func (sh *shell) must(want, in string, args ...string) string {
	sh.t.Helper()
	status, out, errs := sh.run(in, args...)
	if status != 0 || !regexp.MustCompile(want).MatchString(out) {
		sh.t.Fatalf("%v: status %d, want %q\n%s%s", args, status, want, out, errs)
	}
	return out
}

// fail runs a command that has to fail with the status and complain as the pattern says.
func (sh *shell) fail(status int, want string, args ...string) {
	sh.t.Helper()
	got, out, errs := sh.run("", args...)
	if got != status || !regexp.MustCompile(want).MatchString(errs) {
		sh.t.Errorf("%v: status %d, want %d and %q\n%s%s", args, got, status, want, out, errs)
	}
}

// init makes a configuration with free ports on loopback, and DNS that nobody answers.
func (sh *shell) init() {
	sh.t.Helper()
	sh.must("Written: |Angelegt: ", "", "init", "mail.nord.test")
	src, err := os.ReadFile(sh.config)
	if err != nil {
		sh.t.Fatal(err)
	}
	ports := regexp.MustCompile(`\["(127\.0\.0\.1)?:\d+"\]`).ReplaceAll(src, []byte(`["127.0.0.1:0"]`))
	ports = bytes.Replace(ports, []byte("servers = []"), []byte(`servers = ["127.0.0.1:9"]`), 1)
	if err := os.WriteFile(sh.config, ports, 0o600); err != nil {
		sh.t.Fatal(err)
	}
}

// serve runs the server of the configuration until the test ends.
func (sh *shell) serve() {
	sh.t.Helper()
	cfg, err := config.Load(sh.config)
	if err != nil {
		sh.t.Fatal(err)
	}
	a, err := app.New(cfg, app.World{})
	if err != nil {
		sh.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	select {
	case <-a.Ready():
	case err := <-done:
		sh.t.Fatal(err)
	}
	sh.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			sh.t.Error(err)
		}
	})
}

// TestCommands runs the same commands with the store opened by each of them, and with a server that runs.
func TestCommands(t *testing.T) {
	for _, way := range []string{"alone", "served"} {
		t.Run(way, func(t *testing.T) {
			sh := newShell(t)
			sh.init()
			if way == "served" {
				sh.serve()
				sh.must(`mail.nord.test runs Posthorn .*\n.*waiting: 0\n(.*\n)*smtp +127`, "", "status")
			} else {
				sh.must(`does not run on mail.nord.test`, "", "status")
			}
			commands(sh)
		})
	}
}

func commands(sh *shell) {
	sh.must(`Mail for nord.test`, "", "domain", "add", "nord.test")
	sh.must(`Mail for föhn.test`, "", "domain", "add", "Föhn.Test", "--alias-of", "nord.test")
	sh.must(`anna@nord.test can send`, "geheim\n", "account", "add", "anna@nord.test", "a@nord.test", "--name", "Anna Albers", "--language", "de", "--quota", "1GiB")
	sh.must(`bert@nord.test can`, "", "account", "add", "bert@nord.test", "--no-password")
	sh.fail(1, `posthorn: .*`, "account", "add", "anna@nord.test", "--no-password")
	sh.fail(1, `password is empty`, "account", "password", "bert@nord.test")
	sh.must(`bert@nord.test is changed`, "neu", "account", "password", "bert@nord.test")
	sh.must(`is changed`, "", "account", "change", "bert@nord.test", "--name", "Bert", "--status", "no-login", "--quota", "5MB", "--send-per-day", "7")
	sh.must(`is changed`, "", "account", "address", "add", "bert@nord.test", "b@nord.test")
	sh.must(`(?s)account +bert@nord.test\naddress +b@nord.test.*name +Bert\nstatus +no-login.*quota +4.8 MiB.*INBOX +0`, "", "account", "show", "b@nord.test")
	sh.must(`is changed`, "", "account", "address", "remove", "bert@nord.test", "b@nord.test")
	sh.must(`(?s)anna@nord.test +active +de +1 GiB +Anna Albers\nbert@nord.test +no-login`, "", "account", "list", "nord.test")
	sh.must(`goes to anna@nord.test, x@sued.test from`, "", "alias", "set", "info@nord.test", "anna@nord.test", "x@sued.test")
	sh.must(`info@nord.test +anna@nord.test x@sued.test`, "", "alias", "list")
	sh.must(`The group alle@nord.test is there. Members: 1`, "", "group", "add", "alle@nord.test", "anna@nord.test", "--name", "Alle")
	sh.must(`is changed`, "", "group", "join", "alle@nord.test", "bert@nord.test")
	sh.must(`is changed`, "", "group", "leave", "alle@nord.test", "anna@nord.test")
	sh.must(`alle@nord.test +bert@nord.test +Alle`, "", "group", "list")
	sh.must(`is changed`, "", "domain", "catch-all", "nord.test", "anna@nord.test")
	sh.must(`(?s)nord.test +- +anna@nord.test\nföhn.test +nord.test`, "", "domain", "list")
	sh.must(`is changed`, "", "domain", "catch-all", "nord.test")

	sent := sh.must(`Accepted`, "Subject: hi\n\nhi\n", "send", "--from", "anna@nord.test", "bert@nord.test")
	id := regexp.MustCompile(`journey (\w{20})`).FindStringSubmatch(sent)
	if id == nil {
		sh.t.Fatalf("no id is told: %s", sent)
	}
	sh.must(`Message `+id[1]+`(.*\n)*.*Stored for bert@nord.test`, "", "journey", id[1])
	sh.must(`Nachricht `+id[1]+`(.*\n)*.*bert@nord.test abgelegt`, "", "--lang", "de", "journey", "--account", "bert@nord.test")
	sh.fail(1, `posthorn: `, "journey", strings.Repeat("0", 20))
	sh.must(`^ID +FROM`, "", "queue", "list")
	sh.fail(1, `posthorn: `, "queue", "hold", id[1])
	sh.fail(1, `posthorn: `, "send", "--from", "anna@nord.test", "nobody@nord.test")

	sh.must(`are saved in`, "", "backup", filepath.Join(filepath.Dir(sh.config), "copy"))
	sh.checks()

	sh.must(`is removed`, "", "group", "remove", "alle@nord.test")
	sh.must(`is removed`, "", "alias", "remove", "info@nord.test")
	sh.must(`is removed`, "", "account", "remove", "bert@nord.test", "--yes")
	sh.must(`is removed`, "", "domain", "remove", "föhn.test")
	sh.fail(1, `posthorn: `, "domain", "remove", "nord.test") // anna is still there
}

// checks runs check, which finds that nobody answers DNS, and that the certificate is our own.
func (sh *shell) checks() {
	sh.t.Helper()
	status, out, _ := sh.run("", "check")
	for _, want := range []string{`look +The certificate for mail.nord.test is self-signed`, `bad +The DNS does not answer about`, `good +The store is whole`, `Problems: [1-9]`} {
		if status != 1 || !regexp.MustCompile(want).MatchString(out) {
			sh.t.Errorf("check: status %d, want %q\n%s", status, want, out)
		}
	}
	_, out, _ = sh.run("", "--lang", "de", "check", "--quick")
	if strings.Contains(out, "Speicher") || !strings.Contains(out, "beachten") {
		sh.t.Errorf("a quick check in German:\n%s", out)
	}
}

func TestWrongUsage(t *testing.T) {
	sh := newShell(t)
	sh.fail(2, `unexpected argument`, "frobnicate")
	sh.fail(2, `expected`, "domain", "add")
	sh.fail(2, ``, "domain", "add", "not a domain")
	sh.fail(2, ``, "account", "show", "no-address")
	sh.fail(2, `no language "fr"`, "--lang", "fr", "version")
	sh.fail(2, ``, "account", "remove", "a@b.test") // without --yes
	sh.fail(2, ``, "queue", "hold", "short")
	sh.fail(1, `posthorn.toml: no such file`, "domain", "list")
	sh.must(`^posthorn `, "", "version")
	sh.must(`Commands:`, "", "--help")
	sh.must(`Add an account`, "", "account", "--help")
	sh.lang = "de_DE.UTF-8"
	sh.init()
	sh.fail(1, `gibt es schon und bleibt`, "init", "mail.nord.test")
}

func TestConfigurationIsLookedFor(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	w := World{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(string) string { return "" }}
	if status := Run(t.Context(), []string{"domain", "list"}, w); status != 1 || !strings.Contains(errs.String(), "posthorn init") {
		t.Errorf("status %d: %s", status, &errs)
	}
	if status := Run(t.Context(), nil, w); status != 0 || !strings.Contains(out.String(), "Commands:") {
		t.Errorf("without a command: status %d, %s", status, &out)
	}
	if status := Run(t.Context(), []string{"init", "mail.nord.test"}, w); status != 0 {
		t.Fatal(errs.String())
	}
	if status := Run(t.Context(), []string{"domain", "list"}, w); status != 0 {
		t.Errorf("the file in this folder was not found: %s", &errs)
	}
}

// TestServe runs the serve command itself, and a second one that finds the store in use.
func TestServe(t *testing.T) {
	sh := newShell(t)
	sh.init()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := &lineWatcher{want: "service=smtp", found: make(chan struct{})}
	w := World{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: log, Getenv: func(string) string { return "" }}
	done := make(chan int, 1)
	go func() { done <- Run(ctx, []string{"--config", sh.config, "serve"}, w) }()
	select {
	case <-log.found:
	case status := <-done:
		t.Fatalf("ended with status %d: %s", status, log)
	}
	sh.fail(1, `posthorn: open the store`, "serve")
	out := sh.must(`smtp +127`, "", "status")
	addr := regexp.MustCompile(`(?m)^smtp +(\S+)`).FindStringSubmatch(out)[1]
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	greeting := make([]byte, 4)
	if _, err := conn.Read(greeting); err != nil || string(greeting) != "220 " {
		t.Errorf("greeted with %q, %v", greeting, err)
	}
	cancel()
	if status := <-done; status != 0 {
		t.Errorf("ended with status %d: %s", status, log)
	}
}

func TestDemoCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two servers")
	}
	var out, errs bytes.Buffer
	w := World{In: strings.NewReader(""), Out: &out, Err: &errs, Getenv: func(string) string { return "" }}
	if status := Run(t.Context(), []string{"--lang", "de", "demo", "--once"}, w); status != 0 || !strings.Contains(out.String(), "Alles ist angekommen") {
		t.Errorf("status %d\n%s%s", status, &out, &errs)
	}
}

type lineWatcher struct {
	mu    sync.Mutex
	buf   bytes.Buffer // guarded by mu
	want  string
	once  sync.Once
	found chan struct{}
}

func (w *lineWatcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.Contains(string(p), w.want) {
		w.once.Do(func() { close(w.found) })
	}
	return w.buf.Write(p)
}

func (w *lineWatcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func TestProgress(t *testing.T) {
	var errs bytes.Buffer
	s := &session{World: World{Err: &errs}}
	line := s.progress()
	for done := range int64(1001) {
		line(done, 1000)
	}
	got := strings.Split(strings.TrimSpace(errs.String()), "\n")
	if len(got) != 11 || !strings.HasPrefix(got[0], "  0 %") && !strings.HasPrefix(got[0], "0 %") || !strings.Contains(got[10], "1000 bytes of 1000 bytes") {
		t.Errorf("%d lines:\n%s", len(got), fmt.Sprint(errs.String()))
	}
	line = s.progress()
	line(0, 0) // nothing to do is all done
	if !strings.Contains(errs.String(), "100 %") {
		t.Error("an empty store has no end")
	}
}
