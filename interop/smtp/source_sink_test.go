package smtp_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/interop/peers"
	"github.com/posthorn-mail/posthorn/interop/rig"
)

func TestSmtpSource(t *testing.T) {
	rig.Need(t, "smtp-source", "postfix")
	s := start(t, newAuthority(t), "nord.test", setting{})
	const messages = 200
	run(t, "", "smtp-source", "-L", "-s", "10", "-m", strconv.Itoa(messages), "-f", "load@sued.test", "-t", "anna@nord.test", s.Addr("lmtp"))
	s.await(t, "anna@nord.test", messages)
	for _, reuse := range [][]string{nil, {"-d"}} { // a connection for each message, and one for many
		args := append([]string{"-s", "10", "-m", strconv.Itoa(messages), "-l", "4096", "-f", "load@sued.test", "-t", "bert@nord.test"}, reuse...)
		run(t, "", "smtp-source", append(args, s.Addr("smtp"))...)
	}
	seen := map[string]bool{}
	for _, m := range s.await(t, "bert@nord.test", 2*messages) {
		_, id, _ := strings.Cut(m, "Message-Id: ")
		id, _, _ = strings.Cut(id, "\n")
		if id == "" || seen[id] {
			t.Fatalf("message id %q is missing or there twice in\n%s", id, m)
		}
		seen[id] = true
	}
}

func TestSmtpSink(t *testing.T) {
	rig.Need(t, "smtp-sink", "postfix")
	dir, err := os.MkdirTemp("", "posthorn-sink-") // smtp-sink gives up being root
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o777)) //nolint:gosec // the sink runs as nobody
	port, err := peers.FreePort()
	must(t, err)
	sink := exec.Command("smtp-sink", "-u", "nobody", "-8", "-e", "-d", filepath.Join(dir, "m."), fmt.Sprintf("127.0.0.1:%d", port), "100")
	must(t, sink.Start())
	t.Cleanup(func() {
		_ = sink.Process.Kill()
		_ = sink.Wait()
	})
	must(t, peers.WaitForPort(fmt.Sprintf("127.0.0.1:%d", port)))
	s := start(t, newAuthority(t), "nord.test", setting{listen: trustLoopback,
		routes: fmt.Sprintf("[[route]]\ndomains = [\"sued.test\"]\nhost = \"127.0.0.1:%d\"\ntls = \"none\"\n", port)})
	const messages = 200
	run(t, "", "smtp-source", "-s", "10", "-m", strconv.Itoa(messages), "-l", "4096", "-f", "anna@nord.test", "-t", "carl@sued.test", s.Addr("smtp"))
	for deadline := time.Now().Add(60 * time.Second); ; {
		files, err := filepath.Glob(filepath.Join(dir, "m.*"))
		must(t, err)
		if len(files) == messages {
			break
		}
		if len(files) > messages || time.Now().After(deadline) {
			t.Fatalf("%d messages arrived, want %d", len(files), messages)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if out, err := s.CLI("", "queue", "list"); err != nil || strings.Contains(out, "carl@sued.test") {
		t.Errorf("the queue still has\n%s%v", out, err)
	}
}
