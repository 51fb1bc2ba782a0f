package cli

import (
	"encoding/json"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
)

type checkCmd struct {
	Quick bool `help:"Leave out reading the whole store."`
}

func (c *checkCmd) Run(s *session) error {
	depth := adminapi.Full
	if c.Quick {
		depth = adminapi.Quick
	}
	marks := map[adminapi.Level]text.Key{adminapi.Good: text.CLIMarkGood, adminapi.Warn: text.CLIMarkWarn, adminapi.Bad: text.CLIMarkBad}
	return s.withAdmin(func(a *adminapi.Client) error {
		var sum adminapi.CheckSummary
		err := a.Stream(s.ctx, "check", adminapi.CheckWhat{Depth: depth}, nil, func(raw json.RawMessage) error {
			var f adminapi.Finding
			if err := json.Unmarshal(raw, &f); err != nil {
				return fmt.Errorf("read a finding: %w", err)
			}
			s.printf("%-8s %s\n", text.Say(s.lang, marks[f.Level]), f.Say(s.lang))
			return nil
		}, &sum)
		if err != nil {
			return err
		}
		s.say(text.CLICheckDone, sum.Problems, sum.Warnings)
		if sum.Problems > 0 {
			return errSilent
		}
		return nil
	})
}
