// Package crash ends the real binary with kill -9, again and again, at random moments under a mixed load: mail from outside,
// submission with a login, the queue sending to a sink, IMAP APPEND, STORE, MOVE, COPY and EXPUNGE, POP3 deletes. After each
// start a stranger (e2e/witness, which shares no code with Posthorn) compares what is there with what clients were told.
// Every fourth kill comes while the server starts, in the middle of recovering from the one before.
//
// POSTHORN_KILLS sets the number of kills; it is 50 in CI and 5 elsewhere, and 1,000 in make torture. POSTHORN_SEED sets the
// seed of the clients' choices.
//
// TestMutants (POSTHORN_MUTANTS=1) has this harness and those of e2e/torture look at a product that is broken on purpose; the results are in
// docs/decisions/0060-proof.md. The package has only tests.
package crash
