package app

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstInherited is the number of the first file systemd passes on (sd_listen_fds(3)).
const firstInherited = 3

// Inherited takes over the sockets that systemd has opened for this process (LISTEN_PID, LISTEN_FDS), by the name their
// FileDescriptorName= gives them, which is a listener's name: "smtp", "imaps" and so on. It is called once, by the process they were
// opened for.
func Inherited(getenv func(string) string) (map[string][]net.Listener, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > 1000 {
		return nil, fmt.Errorf("LISTEN_FDS is %q", getenv("LISTEN_FDS"))
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	out := make(map[string][]net.Listener)
	for i := range n {
		name := ""
		if i < len(names) {
			name = strings.TrimSuffix(names[i], ".socket")
		}
		f := os.NewFile(uintptr(firstInherited+i), name)
		ln, err := net.FileListener(f) // a copy of the descriptor
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("take over socket %q: %w", name, err)
		}
		out[name] = append(out[name], ln)
	}
	return out, nil
}
