package cli

import (
	"fmt"
	"runtime"

	"github.com/posthorn-mail/posthorn/internal/app"
)

type versionCmd struct{}

func (c *versionCmd) Run(s *session) error {
	_, err := fmt.Fprintf(s.Out, "posthorn %s %s %s/%s\n", app.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
