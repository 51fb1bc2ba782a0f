package cli

import (
	"runtime"

	"github.com/posthorn-mail/posthorn/internal/app"
)

type versionCmd struct{}

func (c *versionCmd) Run(s *session) error {
	s.printf("posthorn %s %s %s/%s\n", app.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
