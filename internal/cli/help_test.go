package cli

import (
	"testing"

	"github.com/alecthomas/kong"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// TestAllHelpIsInGerman wants a German text for each command, flag and argument.
func TestAllHelpIsInGerman(t *testing.T) {
	parser, err := kong.New(&grammar{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	var look func(n *kong.Node)
	check := func(english string) {
		seen++
		if english == "" || text.Help(text.DE, english) == english {
			t.Errorf("no German for %q", english)
		}
	}
	look = func(n *kong.Node) {
		if n.Type == kong.CommandNode {
			check(n.Help)
		}
		for _, f := range n.Flags {
			check(f.Help)
		}
		for _, p := range n.Positional {
			check(p.Help)
		}
		for _, c := range n.Children {
			look(c)
		}
	}
	look(parser.Model.Node)
	if seen < 90 {
		t.Fatalf("only %d texts", seen)
	}
}

func TestHelpInTheLanguageAskedFor(t *testing.T) {
	sh := newShell(t)
	sh.must(`(?s)^Aufruf: posthorn.*Schalter:\n.*\nBefehle:\n.*Legt ein Konto an.*"posthorn <command> --help" sagt mehr zu einem Befehl.`, "", "--help", "--lang", "de")
	sh.must(`(?s)Argumente:\n.*Eine der Adressen des Kontos\.`, "", "account", "show", "--lang=de_AT", "--help")
	sh.lang = "de_DE.UTF-8"
	sh.must(`Legt eine Gruppe an\.`, "", "group", "--help")
	sh.must(`(?s)^Usage: posthorn group.*Add a group\.`, "", "--lang", "en", "group", "--help")
}
