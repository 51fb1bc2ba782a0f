package intake

import (
	"io"

	"github.com/posthorn-mail/posthorn/internal/base/limit"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/wire/message"
)

const (
	// freeRoom is what every message may cost, however little room there is: small messages always get in.
	freeRoom = 64 << 10
	// keptBody is up to where a body is in memory twice: in the buffers it is read through, and in the store's.
	keptBody = 64 << 10
	// strangers may see so much of the room taken, so that something stays for our own people.
	strangers limit.Share = 75
)

// holding is the memory that one message on its way in is given.
type holding struct {
	lease  limit.Lease
	read   int64 // bytes that have come
	header int64 // bytes of the header, which is held three times: as fields, as a block, and by the Scanner
	found  bool  // the header's end has been found
}

func (t *Transaction) holding() holding {
	share := strangers
	if t.src.mayRelay() {
		share = limit.Whole
	}
	return holding{lease: t.in.o.Room.Lease(share)}
}

// grow asks for what the message costs by now, with what its description takes.
func (h *holding) grow(described int) error {
	if h.lease.Grow(2*min(h.read, keptBody) + 3*h.header + int64(described) - freeRoom) {
		return nil
	}
	return mail.Refuse(mail.KindTooMany, "too much mail is arriving at once, please try again later")
}

// leastEffort is up to how many bytes all messages are equally small to the lane.
const leastEffort = 4 << 10

// effort is how much the message asks for.
func (h *holding) effort() limit.Effort { return limit.EffortOf(h.read, leastEffort) }

// metered counts what comes of a message. What comes of a stranger's is looked at in a place of the lane, which he has not while he is waited
// for.
type metered struct {
	r     io.Reader
	h     *holding
	place *limit.Place
}

// Read implements io.Reader.
func (m *metered) Read(p []byte) (int, error) {
	m.place.Leave()
	n, err := m.r.Read(p)
	m.h.read += int64(n)
	if !m.h.found {
		m.h.header = min(m.h.read, message.MaxHeader)
	}
	if full := m.h.grow(0); full != nil {
		return 0, full
	}
	m.place.Enter(m.h.effort())
	return n, err
}
