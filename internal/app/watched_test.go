package app

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/store"
)

// TestServerEndsWhenTheDiskFails: an engine that has lost a write may not go on, and a new start can.
func TestServerEndsWhenTheDiskFails(t *testing.T) {
	var broken atomic.Bool
	w := testWorld()
	w.FS = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return errorfs.ErrInjected
		}
		return nil
	}))
	a, err := New(testConfig(t), w)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(context.Background()) }()
	<-a.Ready()
	broken.Store(true)
	if _, err := a.Admin().AddDomain(t.Context(), adminapi.NewDomain{Name: "nord.test"}); err == nil {
		t.Error("the server said yes to what is not on the disk")
	}
	select {
	case err := <-done:
		if !errors.Is(err, store.ErrFailed) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server goes on")
	}
}

func TestFiguresAreShown(t *testing.T) {
	a, _ := start(t, testConfig(t), testWorld())
	if _, err := a.Admin().AddDomain(t.Context(), adminapi.NewDomain{Name: "nord.test"}); err != nil {
		t.Fatal(err)
	}
	families, err := a.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	for _, name := range []string{"posthorn_store_commits_total", "posthorn_store_syncs_total", "posthorn_store_written_bytes_total"} {
		if got[name] <= 0 {
			t.Errorf("%s is %v", name, got[name])
		}
	}
	if end := time.Unix(int64(got["posthorn_certificate_end_seconds"]), 0); end.Before(a.world.Clock.Now().AddDate(9, 0, 0)) {
		t.Errorf("the certificate ends %v", end)
	}
}

func TestCommitsAreMeasured(t *testing.T) {
	a, _ := start(t, testConfig(t), testWorld())
	if _, err := a.Admin().AddDomain(t.Context(), adminapi.NewDomain{Name: "nord.test"}); err != nil {
		t.Fatal(err)
	}
	families, err := a.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.HasSuffix(f.GetName(), "commit_seconds") && f.GetMetric()[0].GetHistogram().GetSampleCount() > 0 {
			return
		}
	}
	t.Error("no commit was measured")
}

// TestReloadGoesOnInANewMailLog does what logrotate does.
func TestReloadGoesOnInANewMailLog(t *testing.T) {
	cfg := testConfig(t)
	cfg.Log.Mail = filepath.Join(cfg.Data, "log", "mail.log")
	a, stop := start(t, cfg, testWorld())
	connect := func() {
		t.Helper()
		conn, err := net.Dial("tcp", a.Addr("smtp").String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	connect()
	if err := os.Rename(cfg.Log.Mail, cfg.Log.Mail+".1"); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(); err != nil {
		t.Fatal(err)
	}
	connect()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, name := range []string{cfg.Log.Mail, cfg.Log.Mail + ".1"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(raw), "event=connected")
	}
	if lines != 2 {
		t.Errorf("%d connections are in the two files", lines)
	}
	if raw, err := os.ReadFile(cfg.Log.Mail); err != nil || len(raw) == 0 {
		t.Errorf("nothing is in the new file: %v", err)
	}
}
