package peers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// Ports are taken from below the range that the kernel gives to outgoing connections, so that nobody else comes by one by
// chance between the asking and the listening.
const (
	firstPort = 12000
	lastPort  = 31999
)

// FreePort reserves a port of 127.0.0.1 for this process: test processes that run beside each other keep out of each other's way
// by a lock on a file per port, which is held until the process ends.
func FreePort() (int, error) {
	dir := filepath.Join(os.TempDir(), "posthorn-ports")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return 0, err
	}
	start := rand.IntN(lastPort - firstPort)
	for i := range lastPort - firstPort {
		port := firstPort + (start+i)%(lastPort-firstPort)
		ok, err := reserve(filepath.Join(dir, strconv.Itoa(port)))
		if err != nil {
			return 0, err
		}
		if !ok {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue // somebody outside of our game has it
		}
		return port, l.Close()
	}
	return 0, errors.New("no free port")
}

func reserve(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o666)
	if err != nil {
		return false, fmt.Errorf("reserve a port: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, f.Close()
	}
	if err != nil {
		return false, fmt.Errorf("reserve a port: %w", err)
	}
	held.Lock()
	held.files = append(held.files, f)
	held.Unlock()
	return true, nil
}

// held keeps the locks' files from being collected, which would close them.
var held struct {
	sync.Mutex
	files []*os.File
}
