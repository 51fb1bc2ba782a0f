// Package crash ends the real binary with kill -9, again and again, while messages pour in, and then reads everything back
// as a stranger would: every message that got its 250 must be there, once, with its body intact, in the mailboxes of all its
// local recipients and in the queue for the others; and no message may be there by halves. Every fourth kill comes while the
// server starts, in the middle of recovering from the one before.
//
// POSTHORN_KILLS sets the number of kills; it is 50 in CI and 5 elsewhere. The package has only tests.
package crash
