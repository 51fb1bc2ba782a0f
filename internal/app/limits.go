package app

import (
	"math"
	"syscall"
)

const (
	// arrivingRoom is the memory for large headers and many parts of all messages that are on their way in at a time.
	arrivingRoom = 96 << 20
	// mostConnections are those of all protocols together.
	mostConnections = 20_000
	// reservedFiles stay free of connections from clients, for the store (1000 tables), the queue's own connections, logs and DNS.
	reservedFiles = 1500
)

// connections is how many connections from clients there may be at a time: as many as leave the store its files, whatever comes.
func connections() int {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil || lim.Cur > math.MaxInt32 {
		return mostConnections
	}
	return connectionsOf(int(lim.Cur))
}

func connectionsOf(files int) int {
	return min(files-min(reservedFiles, files/2), mostConnections)
}
