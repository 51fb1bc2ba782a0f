package adminapi

import (
	"context"
	"time"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// Status is how the server is.
type Status struct {
	Version   string            `json:"version"`
	Hostname  mail.Domain       `json:"hostname"`
	Started   time.Time         `json:"started,omitzero"`
	Queued    int               `json:"queued"` // messages
	Listeners map[string]string `json:"listeners"`
}

// Status tells how the server is.
func (a *Admin) Status(ctx context.Context, _ Nothing) (Status, error) {
	s := Status{Version: a.parts.Version, Hostname: a.parts.Hostname, Started: a.parts.Started(), Listeners: map[string]string{}}
	for name, addr := range a.parts.Listeners() {
		s.Listeners[name] = addr.String()
	}
	var err error
	s.Queued, err = a.parts.Queue.Depth(ctx)
	return s, err
}
