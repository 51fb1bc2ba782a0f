// Command bench puts the same load on Posthorn and on its peers from Debian, in turn, in one run on one machine, and prints
// medians, spreads, ratios, and beside each the aim of the project, met or missed; RESULTS.md beside it is the newest whole run.
// Its figures are ratios, never promises.
//
// Everything is durable on every side: Postfix and Dovecot sync as they are shipped, Posthorn commits before its 250.
//
// main.go runs the rows that rows.go lists; each row has a file; load_*.go and read_imap.go are the clients, peer.go and
// posthorn.go the systems, page.go what is written down. However a run ends, cleanup.go stops and removes all that it started.
package main
