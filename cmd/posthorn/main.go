// Command posthorn is a complete e-mail system: see posthorn --help.
package main

import (
	"context"
	"os"

	"github.com/posthorn-mail/posthorn/internal/cli"
)

func main() {
	os.Exit(cli.Run(context.Background(), os.Args[1:], cli.World{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv,
	}))
}
