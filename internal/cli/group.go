package cli

import (
	"github.com/posthorn-mail/posthorn/internal/base/text"
	"github.com/posthorn-mail/posthorn/internal/config"
	"github.com/posthorn-mail/posthorn/internal/mail"
	"github.com/posthorn-mail/posthorn/internal/server/adminapi"
	"github.com/posthorn-mail/posthorn/internal/state/directory"
)

type groupCmd struct {
	Add    groupAdd    `cmd:"" help:"Add a group."`
	Join   groupJoin   `cmd:"" help:"Put a member into a group."`
	Leave  groupLeave  `cmd:"" help:"Take a member out of a group."`
	Remove groupRemove `cmd:"" help:"Remove a group."`
	List   groupList   `cmd:"" help:"List the groups and their members."`
}

type groupAdd struct {
	Address mail.Address   `arg:"" help:"The group's address, at a domain of this server."`
	Members []mail.Address `arg:"" optional:"" help:"Its first members, here or elsewhere."`
	Name    string         `placeholder:"NAME" help:"What the group is called."`
}

func (c *groupAdd) Run(s *session) error {
	q := adminapi.NewGroup{Address: c.Address, Name: c.Name, Members: c.Members}
	return s.do("group.add", q, text.CLIGroupAdded, c.Address.Unicode(), len(c.Members))
}

type groupJoin struct {
	Group  mail.Address `arg:"" help:"The group."`
	Member mail.Address `arg:"" help:"Who joins."`
}

func (c *groupJoin) Run(s *session) error {
	return s.changed("group.member", adminapi.MemberChange{Group: c.Group, Member: c.Member, To: adminapi.In}, c.Group)
}

type groupLeave struct {
	Group  mail.Address `arg:"" help:"The group."`
	Member mail.Address `arg:"" help:"Who leaves."`
}

func (c *groupLeave) Run(s *session) error {
	return s.changed("group.member", adminapi.MemberChange{Group: c.Group, Member: c.Member, To: adminapi.Out}, c.Group)
}

type groupRemove struct {
	Address mail.Address `arg:"" help:"The group."`
}

func (c *groupRemove) Run(s *session) error {
	return s.do("group.remove", adminapi.AliasName{Address: c.Address}, text.CLIRemoved, c.Address.Unicode())
}

type groupList struct {
	Domain config.Host `arg:"" optional:"" help:"Only this domain's."`
}

func (c *groupList) Run(s *session) error {
	return s.withAdmin(func(a *adminapi.Client) error {
		all, err := listAll(s, a, "group.list", c.Domain.Domain, func(x directory.Group) mail.Address { return x.Address })
		if err != nil {
			return err
		}
		return s.table(func(row func(...any)) {
			row("GROUP", "MEMBERS", "NAME")
			for _, x := range all {
				row(x.Address.Unicode(), dash(addresses(x.Members, " ")), dash(x.Name))
			}
		})
	})
}
