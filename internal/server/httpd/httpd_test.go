package httpd

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
)

func TestServer(t *testing.T) {
	var ready, healthy error
	s := New(Config{
		Metrics: obs.NewMetrics().Handler(), Log: obs.Discard(),
		Healthy: func(context.Context) error { return healthy }, Ready: func() error { return ready },
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, ln) }()
	client := &http.Client{}
	expect := func(path string, code int, body string) {
		t.Helper()
		res, err := client.Get("http://" + ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		got, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != code || !strings.Contains(string(got), body) {
			t.Errorf("%s answers %d %q, %v", path, res.StatusCode, got, err)
		}
	}
	expect("/healthz", 200, "ok")
	expect("/readyz", 200, "ok")
	expect("/metrics", 200, "go_goroutines")
	expect("/other", 404, "")
	healthy, ready = errors.New("disk failed"), errors.New("stopping")
	expect("/healthz", 503, "disk failed")
	expect("/readyz", 503, "stopping")
	client.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
