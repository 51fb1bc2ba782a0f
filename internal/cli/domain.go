package cli

import (
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

type domainCmd struct {
	Add      domainAdd      `cmd:"" help:"Take mail for a domain."`
	Remove   domainRemove   `cmd:"" help:"Take no more mail for a domain that has no addresses left."`
	List     domainList     `cmd:"" help:"List the domains."`
	CatchAll domainCatchAll `cmd:"" name:"catch-all" help:"Give what no other address of a domain takes to one address."`
}

type domainAdd struct {
	Name    config.Host `arg:"" help:"The domain, such as example.org."`
	AliasOf config.Host `placeholder:"DOMAIN" help:"Every address of the new domain means the same name at this one."`
}

func (c *domainAdd) Run(s *session) error {
	q := adminapi.NewDomain{Name: c.Name.Domain, AliasOf: c.AliasOf.Domain}
	return s.do("domain.add", q, text.CLIDomainAdded, c.Name.Unicode())
}

type domainRemove struct {
	Name config.Host `arg:"" help:"The domain."`
}

func (c *domainRemove) Run(s *session) error {
	q := adminapi.DomainName{Name: c.Name.Domain}
	return s.do("domain.remove", q, text.CLIRemoved, c.Name.Unicode())
}

type domainList struct{}

func (c *domainList) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		var all []directory.Domain
		for after := mail.Domain(""); ; {
			var page []directory.Domain
			if err := a.Call(s.ctx, "domain.list", adminapi.DomainPage{After: after}, &page); err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
			after = page[len(page)-1].Name
		}
		return s.table(func(row func(...any)) {
			row("DOMAIN", "ALIAS-OF", "CATCH-ALL")
			for _, d := range all {
				row(d.Name.Unicode(), dash(d.AliasOf.Unicode()), dash(d.CatchAll.Unicode()))
			}
		})
	})
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type domainCatchAll struct {
	Name config.Host  `arg:"" help:"The domain."`
	To   mail.Address `arg:"" optional:"" help:"Who gets it; leave it out to end the catch-all."`
}

func (c *domainCatchAll) Run(s *session) error {
	q := adminapi.CatchAll{Domain: c.Name.Domain, To: c.To}
	return s.do("domain.catchall", q, text.CLIChanged, c.Name.Unicode())
}
