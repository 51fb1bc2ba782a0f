package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/posthorn-mail/posthorn/internal/base/obs"
)

// logFile is a file that is appended to and can be opened again under its name, after somebody has moved it away. It is safe for many
// goroutines.
type logFile struct {
	path string

	mu sync.Mutex
	f  *os.File // guarded by mu
}

func openLogFile(path string) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make the mail log's folder: %w", err)
	}
	l := &logFile{path: path}
	return l, l.reopen()
}

// reopen goes on in the file that has the name now, making it if there is none. If that fails, the old one is written on.
func (l *logFile) reopen() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("open the mail log: %w", err)
	}
	l.mu.Lock()
	old := l.f
	l.f = f
	l.mu.Unlock()
	if old == nil {
		return nil
	}
	return old.Close()
}

// Write implements io.Writer.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(p)
}

// Close implements io.Closer.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}

// openMailLog lets the mail log go to the file that the configuration names, if it names one.
func (a *App) openMailLog() error {
	if a.cfg.Log.Mail == "" {
		return nil
	}
	f, err := openLogFile(a.cfg.Log.Mail)
	if err != nil {
		return err
	}
	a.logFile = f
	lines := obs.NewGatherer(f, a.world.Clock)
	a.world.MailLog = lines
	a.closeLater(func() error { return errors.Join(lines.Close(), f.Close()) })
	return nil
}

// Reload reads the certificates again, and goes on in a new mail log if the old one was moved away.
func (a *App) Reload() error {
	err := a.certs.Reload()
	if a.logFile != nil {
		err = errors.Join(err, a.logFile.reopen())
	}
	return err
}
