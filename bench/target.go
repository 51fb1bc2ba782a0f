package main

import (
	"crypto/tls"
	"fmt"
	"net"
)

// target is one mail system under load.
type target struct {
	name     string
	mx       string // address of the port that takes mail from strangers
	submit   string // address that takes mail to be sent on, after a login
	imap     string
	secure   bool // IMAP, POP3 and submission are TLS from the start
	pop3     string
	pids     func() []int // masters first
	metrics  string       // our own port for profiles; empty for peers
	data     string       // the folder with the mail
	users    []string
	password string
	stop     func()
	restart  func() error // stops what keeps the mail, in order, and starts it again
	bench    *bench       // keeps what operations cost; may be nil
}

// starter starts a system with these users.
type starter func(users []string) (*target, error)

// memory is what the target's processes hold, in bytes.
func (t *target) memory() (int64, error) { return rss(t.pids()) }

func (t *target) dialIMAP() (net.Conn, error) {
	if t.secure {
		return tls.Dial("tcp", t.imap, clientTLS())
	}
	return net.Dial("tcp", t.imap)
}

const benchPassword = "bench-password-1"

func benchUsers(n int) []string {
	users := make([]string, n)
	for i := range users {
		users[i] = fmt.Sprintf("user%d@nord.test", i)
	}
	return users
}
