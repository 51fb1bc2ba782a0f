package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// maxPassword bounds what is read as a password.
const maxPassword = 1024

// readPassword asks twice at a terminal, without showing it; otherwise it reads one line.
func (s *session) readPassword() (string, error) {
	f, ok := s.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s.passwordLine()
	}
	first, err := s.askHidden(f, text.CLIPassword)
	if err != nil {
		return "", err
	}
	again, err := s.askHidden(f, text.CLIPasswordAgain)
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New(text.Say(s.lang, text.CLIPasswordDiffers))
	}
	return s.passwordGiven(first)
}

func (s *session) askHidden(f *os.File, prompt text.Key) (string, error) {
	s.warnf("%s ", text.Say(s.lang, prompt))
	b, err := term.ReadPassword(int(f.Fd()))
	s.warnf("\n")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(b), nil
}

func (s *session) passwordLine() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(s.In, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return s.passwordGiven(strings.TrimRight(line, "\r\n"))
}

func (s *session) passwordGiven(p string) (string, error) {
	if p == "" {
		return "", errors.New(text.Say(s.lang, text.CLIPasswordEmpty))
	}
	return p, nil
}
