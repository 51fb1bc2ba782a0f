// Package demo shows Posthorn at work on one machine: two servers of two made-up organisations, nord.test and sued.test, with a name
// server, a certificate authority and two people each. Real messages go across over real connections, and the terminal tells their
// journeys as the servers record them.
//
// Laws: nothing outside of a temporary folder and of loopback is touched; nobody needs to be root; what the terminal tells of the
// servers comes from their journeys, and what it tells of the people's programs was checked in what these really received, with
// another reader (the standard library's) than the server's own.
package demo
