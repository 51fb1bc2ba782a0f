package app

import (
	"net"
	"strings"
)

// notifier tells systemd how the process is (sd_notify(3)), if it runs under systemd with Type=notify.
type notifier struct{ socket string }

// tell is best effort: nobody may be listening.
func (n notifier) tell(state string) {
	if n.socket == "" {
		return
	}
	name := n.socket
	if strings.HasPrefix(name, "@") { // Linux' abstract sockets
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte(state))
	_ = conn.Close()
}
