package cli

import (
	"encoding/json"
	"fmt"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/transport/journey"
)

type journeyCmd struct {
	ID      *mail.MessageID `arg:"" optional:"" help:"The message's id, as its 250 told it. Without one the newest stories are told."`
	Account mail.Address    `placeholder:"ADDRESS" help:"Only messages sent by this account or stored for it."`
	Max     int             `default:"10" help:"How many stories."`
	Follow  bool            `short:"f" help:"Tell what happens from now on, until Ctrl-C."`
}

func (c *journeyCmd) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		switch {
		case c.Follow:
			return c.follow(s, a)
		case c.ID != nil:
			var j journey.Journey
			if err := a.Call(s.ctx, "journey.read", adminapi.MessageName{ID: *c.ID}, &j); err != nil {
				return err
			}
			s.tell(j)
			return nil
		}
		return c.recent(s, a)
	})
}

// recent tells the newest stories, page by page.
func (c *journeyCmd) recent(s *session, a *adminapi.Client) error {
	q := adminapi.Recent{Account: c.Account}
	for told := 0; told < c.Max; {
		q.Max = min(c.Max-told, journeyPage)
		var page []journey.Journey
		if err := a.Call(s.ctx, "journey.recent", q, &page); err != nil {
			return err
		}
		for _, j := range page {
			if told > 0 {
				s.printf("\n")
			}
			s.tell(j)
			told++
		}
		if len(page) == 0 {
			return nil
		}
		q.Before = page[len(page)-1].ID
	}
	return nil
}

// journeyPage is how many stories are asked for at a time.
const journeyPage = 500

// tell tells one story: a line for the message, and one for each event.
func (s *session) tell(j journey.Journey) {
	s.say(text.CLIMessage, j.ID)
	day := ""
	for _, e := range j.Events {
		at := e.At.Local()
		if d := text.Date(s.lang, at); d != day {
			day = d
			s.printf("  %s\n", day)
		}
		s.printf("  %s  %s\n", text.Clock(s.lang, at), e.Say(s.lang))
	}
}

func (c *journeyCmd) follow(s *session, a *adminapi.Client) error {
	return a.Stream(s.ctx, "journey.watch", adminapi.Nothing{}, nil, func(raw json.RawMessage) error {
		var e journey.Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("read an event: %w", err)
		}
		if c.ID != nil && e.ID != *c.ID {
			return nil
		}
		s.printf("%s  %s  %s\n", text.Clock(s.lang, e.Event.At.Local()), e.ID, e.Event.Say(s.lang))
		return nil
	}, nil)
}
