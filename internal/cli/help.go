package cli

import (
	"bytes"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/posthorn-mail/posthorn/internal/base/text"
)

// flagLang is the flag that is looked for before the others are read, as their help depends on it.
const flagLang = "--lang"

// asked is the language that the arguments name, or the other if they name none.
func asked(args []string, other text.Lang) text.Lang {
	for i, a := range args {
		name, ok := strings.CutPrefix(a, flagLang+"=")
		if a == flagLang && i+1 < len(args) {
			name, ok = args[i+1], true
		}
		if l, known := text.ParseLang(name); ok && known {
			return l
		}
	}
	return other
}

// translate puts the help of all commands, flags and arguments into a language.
func translate(n *kong.Node, l text.Lang) {
	n.Help = text.Help(l, n.Help)
	for _, f := range n.Flags {
		f.Help = text.Help(l, f.Help)
	}
	for _, p := range n.Positional {
		p.Help = text.Help(l, p.Help)
	}
	for _, c := range n.Children {
		translate(c, l)
	}
}

// helpIn prints help with kong's own words in a language.
func helpIn(l text.Lang) kong.HelpPrinter {
	return func(o kong.HelpOptions, ctx *kong.Context) error {
		if l == text.EN {
			return kong.DefaultHelpPrinter(o, ctx)
		}
		out := ctx.Stdout
		var b bytes.Buffer
		ctx.Stdout = &b
		err := kong.DefaultHelpPrinter(o, ctx)
		ctx.Stdout = out
		if err != nil {
			return err
		}
		for line := range strings.Lines(b.String()) {
			if _, err := out.Write([]byte(ownWords(l, line))); err != nil {
				return err
			}
		}
		return nil
	}
}

// ownWords translates a line that kong writes by itself.
func ownWords(l text.Lang, line string) string {
	switch bare := strings.TrimRight(line, "\n"); bare {
	case "Arguments:", "Flags:", "Commands:":
		return text.Help(l, bare) + "\n"
	}
	say := func(words string) { line = strings.Replace(line, words, text.Help(l, words), 1) }
	switch {
	case strings.HasPrefix(line, "Usage: "):
		say("Usage: ")
		say(" [flags]")
	case strings.HasPrefix(line, "Run \""):
		say("Run \"")
		say(" --help\" for more information on a command.")
		say(" --help\" for more information.")
	}
	return line
}
