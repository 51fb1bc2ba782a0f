// Package directory knows who is here: tenants, domains and their aliases, accounts and their addresses, aliases, groups,
// catch-alls, and what is kept of passwords. It answers at RCPT who gets a message (Resolve), at MAIL whether a login may use
// an address (MaySend), and at login whether the password is right (Login).
//
// Laws:
//
//   - A look-up that was made before costs no I/O: rows, and that there is none, are remembered in bounded caches. An entry is
//     used only while the directory's number is the one it was read at, or the change since then, made here, is known not to
//     concern it. Changes made on another node are heard of within a second.
//   - Every change is one commit that expects the directory's number it was read at, and runs again on a conflict.
//   - Nothing loads the whole directory; lists are read in pages.
//   - Addresses are compared without regard to case, in NFC.
//   - A wrong name cannot be told from a wrong password: neither by words, nor by time, nor by SCRAM's salt.
//   - Passwords are kept as argon2id and as SCRAM keys only. A password that was right is remembered for some minutes as an HMAC
//     under a key of this process.
//
// # Layout
//
// The rows are in Partition{KindDirectory}. After the partition's prefix:
//
//	A account            Account in JSON
//	D domain             Domain in JSON
//	N domain 00 local    what an address is: 'a' primary account | 'l' Alias in JSON | 'g' Group in JSON; local is in lower case, NFC
//	P account            argon2id hash and SCRAM keys with their parameters, in JSON
//	S                    32 random bytes, from which the salts of unknown users are made
package directory
