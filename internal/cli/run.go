package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/mail"
)

// World is what a command has around it.
type World struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// grammar is every command with its arguments, as kong reads it.
type grammar struct {
	Config string `short:"c" placeholder:"FILE" env:"POSTHORN_CONFIG" help:"The configuration file. Default: ./posthorn.toml if it is there, else /etc/posthorn/posthorn.toml."`
	Lang   string `placeholder:"en|de" help:"The language of what is said. Default: that of the environment (LANG)."`

	Init    initCmd    `cmd:"" help:"Write a commented configuration file and make a certificate: the first step."`
	Serve   serveCmd   `cmd:"" help:"Run the server until SIGTERM or Ctrl-C."`
	Demo    demoCmd    `cmd:"" help:"See two servers exchange mail on this machine, told step by step. Changes nothing outside of a temporary folder."`
	Domain  domainCmd  `cmd:"" help:"Domains this server takes mail for."`
	Account accountCmd `cmd:"" help:"People and their mail."`
	Alias   aliasCmd   `cmd:"" help:"Addresses that stand for others."`
	Group   groupCmd   `cmd:"" help:"Addresses that stand for members who come and go."`
	Queue   queueCmd   `cmd:"" help:"Mail that waits to be sent on."`
	Journey journeyCmd `cmd:"" help:"The story of a message: what happened to it, and why."`
	Send    sendCmd    `cmd:"" help:"Send a message that is read from standard input."`
	Backup  backupCmd  `cmd:"" help:"Copy everything that is stored into a folder, while the server runs."`
	Check   checkCmd   `cmd:"" help:"Look at ports, certificates, DNS and the store, and say in plain words what is wrong."`
	Status  statusCmd  `cmd:"" help:"Show whether the server runs, since when, and where it listens."`
	Version versionCmd `cmd:"" help:"Show the version."`
}

// session is one run of a command.
type session struct {
	World
	ctx    context.Context //nolint:containedctx // a command's run is a call; kong passes this one value to it
	config string
	lang   text.Lang
}

// Run runs one command line and returns the exit status.
func Run(ctx context.Context, args []string, w World) int {
	var g grammar
	s := &session{World: w, ctx: ctx, lang: text.FromEnv(w.Getenv)}
	s.lang = asked(args, s.lang)
	exit := -1
	parser, err := kong.New(&g,
		kong.Name("posthorn"),
		kong.Description("A complete e-mail system. Start with \"posthorn demo\" to see it work, or \"posthorn init\" to set it up."),
		kong.Writers(w.Out, w.Err), kong.Exit(func(code int) { exit = code }),
		kong.Help(helpIn(s.lang)), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}), kong.UsageOnError(),
	)
	if err != nil {
		s.complain(err)
		return 2
	}
	translate(parser.Model.Node, s.lang)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // --help has been answered
		return exit
	}
	s.config = g.Config
	if err == nil {
		err = s.speak(g.Lang)
	}
	if err != nil {
		s.complain(err)
		return 2
	}
	if err := k.Run(s); err != nil {
		s.complain(err)
		return 1
	}
	return 0
}

// speak chooses the language that --lang names, if it does.
func (s *session) speak(name string) error {
	if name == "" {
		return nil
	}
	l, ok := text.ParseLang(name)
	if !ok {
		return errors.New(text.Say(s.lang, text.CLINoSuchLang, name))
	}
	s.lang = l
	return nil
}

// errSilent ends a command with status 1 when everything has been said.
var errSilent = errors.New("")

func (s *session) complain(err error) {
	if errors.Is(err, errSilent) {
		return
	}
	if f, ok := errors.AsType[*mail.Fault](err); ok {
		err = f // who runs commands may read the cause too
	}
	if errors.Is(err, os.ErrNotExist) && s.config == "" {
		s.warnf("%s\n", text.Say(s.lang, text.CLINoConfig, err.Error()))
		return
	}
	s.warnf("%s\n", text.Say(s.lang, text.CLIError, err.Error()))
}

func (s *session) say(k text.Key, args ...any) { s.printf("%s\n", text.Say(s.lang, k, args...)) }

// printf and warnf write to the outputs. Where these are gone there is nobody to tell.
func (s *session) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.Out, format, args...) }

func (s *session) warnf(format string, args ...any) { _, _ = fmt.Fprintf(s.Err, format, args...) }
