// Package route decides where a recipient's domain is reached: at its mail exchangers, at an address literal, or through a
// smarthost that the administrator named for the domain or for all.
//
// Laws:
//
//   - The order of servers is that of RFC 5321 section 5.1: by preference, equal ones in random order, and none that is
//     as far from the recipient as we are ourselves. A domain without MX records is its own only exchanger; a null MX
//     (RFC 7505) takes no mail.
//   - What is tried is bounded in servers and in addresses, whatever the DNS says.
//   - Key needs no I/O and is the same for domains that share their route, so that the queue can put them together.
package route
