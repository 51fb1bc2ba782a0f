package demo

import (
	"crypto/rand"
	"strings"

	"github.com/posthorn-mail/posthorn/internal/mail"
)

// person is somebody with an account.
type person struct {
	name     string
	address  mail.Address
	password string
}

func newPerson(name, local string, domain mail.Domain) person {
	// Good enough to be typed into a mail program once.
	return person{name, mail.Address{Local: local, Domain: domain}, strings.ToLower(rand.Text()[:10])}
}

// The made-up organisations.
const (
	nordDomain = mail.Domain("nord.test")
	suedDomain = mail.Domain("sued.test")
)

// people are those of the story.
type people struct {
	anna, joern    person // of nord.test
	baerbel, xaver person // of sued.test
}

func newPeople() people {
	return people{
		anna:    newPerson("Anna Albers", "anna", nordDomain),
		joern:   newPerson("Jörn Küster", "joern", nordDomain),
		baerbel: newPerson("Bärbel Huber", "baerbel", suedDomain),
		xaver:   newPerson("Xaver Gößmann", "xaver", suedDomain),
	}
}
