package cli

import (
	"strings"

	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

type aliasCmd struct {
	Set    aliasSet    `cmd:"" help:"Make an address stand for others, here or elsewhere."`
	Remove aliasRemove `cmd:"" help:"Remove an alias."`
	List   aliasList   `cmd:"" help:"List the aliases."`
}

type aliasSet struct {
	Address mail.Address   `arg:"" help:"The alias, at a domain of this server."`
	Targets []mail.Address `arg:"" help:"Who gets its mail."`
}

func (c *aliasSet) Run(s *session) error {
	q := adminapi.NewAlias{Address: c.Address, Targets: c.Targets}
	return s.do("alias.set", q, text.CLIAliasSet, c.Address.Unicode(), addresses(c.Targets, ", "))
}

type aliasRemove struct {
	Address mail.Address `arg:"" help:"The alias."`
}

func (c *aliasRemove) Run(s *session) error {
	return s.do("alias.remove", adminapi.AliasName{Address: c.Address}, text.CLIRemoved, c.Address.Unicode())
}

type aliasList struct {
	Domain config.Host `arg:"" optional:"" help:"Only this domain's."`
}

func (c *aliasList) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		all, err := listAll(s, a, "alias.list", c.Domain.Domain, func(x directory.Alias) mail.Address { return x.Address })
		if err != nil {
			return err
		}
		return s.table(func(row func(...any)) {
			row("ALIAS", "TARGETS")
			for _, x := range all {
				row(x.Address.Unicode(), addresses(x.Targets, " "))
			}
		})
	})
}

func addresses(all []mail.Address, between string) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = a.Unicode()
	}
	return strings.Join(words, between)
}
