package adminapi

import (
	"context"
	"path/filepath"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// BackupTo asks for a copy of everything in a folder that is empty or not there, on this machine, by its absolute path.
type BackupTo struct {
	Dir string `json:"dir"`
}

// Progress is how much of some bytes is done.
type Progress struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

// Backup copies the store while it is in use, and tells its progress.
func (a *Admin) Backup(ctx context.Context, q BackupTo, tell func(Progress) error) (Progress, error) {
	if !filepath.IsAbs(q.Dir) {
		return Progress{}, mail.Refuse(mail.KindSyntax, "the folder of a backup must be an absolute path")
	}
	var last Progress
	err := a.parts.Store.Backup(ctx, q.Dir, func(done, total int64) {
		last = Progress{Done: done, Total: total}
		_ = tell(last) // a client that has gone away does not stop a backup
	})
	if err != nil {
		return Progress{}, mail.Failed(mail.KindInternal, "the backup failed", err)
	}
	return last, nil
}
