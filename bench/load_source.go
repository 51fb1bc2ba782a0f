package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/posthorn-mail/posthorn/interop/peers"
)

// sourceAll has Postfix's smtp-source, which does not pipeline, send the load: for each mailbox one, with its share of the sessions. The
// message is the same as that of our own sender, without an id of its own. It returns how many messages were sent.
func (b *bench) sourceAll(l load, mailboxes int) (int, error) {
	bin, err := peers.Ensure("smtp-source", "postfix")
	if err != nil {
		return 0, err
	}
	file := filepath.Join(b.dir, "message-"+strconv.Itoa(l.size))
	lines := bytes.ReplaceAll(bytes.TrimSuffix(message(l.size, l.from), []byte(".\r\n")), []byte("\r\n"), []byte("\n"))
	if err := os.WriteFile(file, lines, 0o600); err != nil {
		return 0, err
	}
	each := l.sessions * l.messages / mailboxes
	err = inShares(l.sessions, mailboxes, func(i, sessions int) error {
		cmd := exec.Command(bin, "-d", "-s", strconv.Itoa(sessions), "-m", strconv.Itoa(each), "-M", "bench.test",
			"-f", l.from, "-t", l.rcpts(i, 0)[0], "-F", file, "inet:"+l.addr)
		cmd.Dir = b.dir
		out, err := b.output(cmd)
		if err != nil {
			return fmt.Errorf("smtp-source to %s: %w: %s", l.rcpts(i, 0)[0], err, out)
		}
		return nil
	})
	return each * mailboxes, err
}

// output runs a command to its end, or to the end of the run, and returns what it says.
func (b *bench) output(cmd *exec.Cmd) ([]byte, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	stop, err := b.cleanup.starting(func() (func(), error) {
		return func() { _ = cmd.Process.Kill() }, cmd.Start()
	})
	if err != nil {
		return nil, err
	}
	err = cmd.Wait()
	stop()
	return said.Bytes(), err
}
