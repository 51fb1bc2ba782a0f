package app

import "testing"

func TestConnectionsLeaveFilesForTheStore(t *testing.T) {
	for files, want := range map[int]int{256: 128, 1024: 512, 4096: 2596, 20_000: 18_500, 1 << 20: 20_000} {
		if got := connectionsOf(files); got != want {
			t.Errorf("%d connections with %d files, not %d", got, files, want)
		}
	}
	if connections() <= 0 {
		t.Error("no connections at all")
	}
}
