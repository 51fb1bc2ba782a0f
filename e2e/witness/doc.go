// Package witness is a stranger who uses a mail server, writes down everything he is told, and afterwards compares it with
// what is there. It knows the protocols from their RFCs and nothing of Posthorn: it shares no code with it, and only
// speaks to its ports.
//
// A Witness lives longer than the server. In each life of the server a Round runs a mixed load: letters by SMTP, with and
// without a login, to people here and to a sink elsewhere; IMAP APPEND, STORE, MOVE, COPY and EXPUNGE; POP3 deletes. When
// that life has ended, by whatever violence, Audit reads everything back and compares:
//
//   - what was acknowledged is there, once, unaltered, with its flags, and in the order in which it was acknowledged;
//   - what was acknowledged as deleted is gone; what was never asked for is not there;
//   - what was under way when the end came is there wholly or not at all, for all its recipients alike;
//   - UIDVALIDITY stays, a UID never names another message, UIDNEXT, HIGHESTMODSEQ and MODSEQ never go back;
//   - what changed is told as changed since the last HIGHESTMODSEQ, and a MODSEQ never stands for two states;
//   - POP3 shows the same messages in the same order, and a name (UIDL) is never another message's (Audit);
//   - the story that the server tells of a letter is true: accepted and stored once, and for each recipient elsewhere it waits in the queue
//     or was handed over, once, which the sink confirms (Listen);
//   - the sink got every letter it is owed at least once (Settle); once the story says so it never comes again, and it comes twice
//     only when a life ended between the sink's 250 and our own commit.
package witness
