package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/term"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
)

type backupCmd struct {
	Dir string `arg:"" type:"path" help:"The folder to write to; it must be empty or not there. To restore, put it in the place of the store."`
}

func (c *backupCmd) Run(s *session) error {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	return s.withAdmin(func(a *adminapi.Client) error {
		line := s.progress()
		var total adminapi.Progress
		err := a.Stream(s.ctx, "backup", adminapi.BackupTo{Dir: dir}, nil, func(raw json.RawMessage) error {
			var p adminapi.Progress
			if err := json.Unmarshal(raw, &p); err != nil {
				return fmt.Errorf("read progress: %w", err)
			}
			line(p.Done, p.Total)
			return nil
		}, &total)
		if err != nil {
			return err
		}
		s.say(text.CLIBackupDone, text.Size(s.lang, total.Total), dir)
		return nil
	})
}

// progress gives a function that keeps one line on a terminal up to date; elsewhere it writes a line per tenth.
func (s *session) progress() func(done, total int64) {
	f, ok := s.Err.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	last := int64(-1)
	return func(done, total int64) {
		percent := int64(100)
		if total > 0 {
			percent = done * 100 / total
		}
		if !terminal && percent/10 == last/10 && last >= 0 || percent == last {
			return
		}
		last = percent
		said := text.Say(s.lang, text.CLIProgress, percent, text.Size(s.lang, done), text.Size(s.lang, total))
		if !terminal {
			s.warnf("%s\n", said)
			return
		}
		s.warnf("\r\x1b[K%s", said)
		if done >= total {
			s.warnf("\n")
		}
	}
}
