// Package config reads the one short file an operator writes: where this node is, which ports it opens, which certificates it shows,
// by which way mail leaves. Everything that people change while the server runs (domains, accounts, aliases, groups) lives in the
// store.
//
// Laws: every key has a default that works; an unknown key, a wrong type or a value that cannot be meant is an error with file and line;
// the file holds no password, only the names of files that do.
package config
