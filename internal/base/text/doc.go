// Package text holds every sentence that a person reads, in English and in German, in one catalogue.
//
// Each area (notices, journey, command line, demo) has a file: its Keys as constants, and beside them a table with the
// sentence in each language. To add one, write both there; a new area's table is listed once in catalogue.go. Sentences are
// fmt formats. Where the languages want another order, use explicit indexes (%[2]s).
//
// Laws, held by the tests: every Key has a sentence in every Lang; the sentences of a Key take the same arguments; every Key is used
// somewhere. Protocol replies (SMTP, IMAP, POP3 response text) are not sentences for people and are not here.
package text
