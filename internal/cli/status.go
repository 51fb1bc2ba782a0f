package cli

import (
	"maps"
	"slices"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
)

type statusCmd struct{}

func (c *statusCmd) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		var st adminapi.Status
		if err := a.Call(s.ctx, "status", adminapi.Nothing{}, &st); err != nil {
			return err
		}
		if st.Started.IsZero() {
			s.say(text.CLINotRunning, st.Hostname)
		} else {
			s.say(text.CLIRunning, st.Hostname, st.Version, text.Moment(s.lang, st.Started.Local()))
		}
		s.say(text.CLIQueued, st.Queued)
		for _, name := range slices.Sorted(maps.Keys(st.Listeners)) {
			s.printf("%-14s %s\n", name, st.Listeners[name])
		}
		return nil
	})
}
