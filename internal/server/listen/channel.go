package listen

import (
	"github.com/posthorn-mail/posthorn/internal/wire/line"
	"github.com/posthorn-mail/posthorn/internal/wire/sasl"
)

// Channel says how a login on this connection is protected now. Lc is what its session reads and writes it by, which knows of STARTTLS.
func (c *Conn) Channel(lc *line.Conn) sasl.Channel {
	ch := sasl.ChannelOf(lc.TLS(), Leaf(lc.NetConn()))
	ch.Private = c.Private && !ch.TLS
	return ch
}
