package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"

	"github.com/posthorn-mail/posthorn/interop/peers"
)

// floorWord is the argument with which this program is nothing but the server of floorTarget, as a process of its own.
const floorWord = "answer-from-memory"

// privacy is whether a connection is TLS from its start.
type privacy uint8

const (
	inClear privacy = iota
	underTLS
)

// floorTarget starts the floor of every download by POP3: a server that looks nothing up, knows one letter, and has its answer ready. What
// it costs is one read and one write for each letter.
func (b *bench) floorTarget(p privacy) (*target, error) {
	port, err := peers.FreePort()
	if err != nil {
		return nil, err
	}
	args := []string{floorWord, fmt.Sprintf("127.0.0.1:%d", port)}
	name := "answers from memory, no TLS"
	if p == underTLS {
		name = "answers from memory, TLS"
		cert, key, err := peerCertificate(b.dir)
		if err != nil {
			return nil, err
		}
		args = append(args, cert, key)
	}
	cmd := exec.Command(os.Args[0], args...)
	stop, err := b.cleanup.starting(func() (func(), error) {
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}, nil
	})
	if err != nil {
		return nil, err
	}
	if err := peers.WaitForPort(args[1]); err != nil {
		stop()
		return nil, err
	}
	return &target{
		name: name, pop3: args[1], secure: p == underTLS, users: benchUsers(1), password: benchPassword, stop: stop, bench: b,
		pids: func() []int { return []int{cmd.Process.Pid} },
	}, nil
}

// answerFromMemory is that server: args are its address and, for TLS, the files of a certificate and its key.
func answerFromMemory(args []string) error {
	ln, err := new(net.ListenConfig).Listen(context.Background(), "tcp", args[0])
	if err != nil {
		return err
	}
	if len(args) > 2 {
		pair, err := tls.LoadX509KeyPair(args[1], args[2])
		if err != nil {
			return err
		}
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	letter := append([]byte("+OK 4096 octets\r\n"), message(4<<10, "bench@remote.test")...)
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if err := answerOne(c, letter); !errors.Is(err, io.EOF) {
				fmt.Fprintln(os.Stderr, "floor:", err)
			}
		}()
	}
}

// answerOne says yes to everything, and to RETR with the letter, until the connection ends.
func answerOne(c net.Conn, letter []byte) error {
	r := bufio.NewReader(c)
	if _, err := io.WriteString(c, "+OK\r\n"); err != nil {
		return err
	}
	for {
		l, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		answer := []byte("+OK\r\n")
		if bytes.HasPrefix(l, []byte("RETR")) {
			answer = letter
		}
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
}
