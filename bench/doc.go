// Command bench puts the same load on Posthorn and on its peers from Debian, in turn, in one run on one machine, and prints
// medians, spreads and ratios; RESULTS.md beside it is the newest run. Its figures are ratios, never promises.
//
// Everything is durable on every side: Postfix and Dovecot sync as they are shipped, Posthorn commits before its 250.
package main
