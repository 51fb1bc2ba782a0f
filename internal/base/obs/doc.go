// Package obs is what an operator sees: the log, the mail log and the metrics.
//
// The log (slog) is for the people who run and mend Posthorn: constant messages, fixed keys. The mail log is a contract with
// operators and their scripts: one line per business event, whose names and keys do not change; every event is counted in the
// metrics too, so the two cannot disagree.
//
// Laws: no body, password, token or subject is ever written; a value from outside is bounded in length (MaxValue) and quoted, so one event
// is one line whatever a stranger sends; writing never fails its caller.
//
// # The mail log
//
// Each line is time=… event=… followed by the event's keys, as key=value text or as JSON. The keys:
//
//	event    connected, login, login-failed, locked, accepted, refused, delivered, relayed, deferred, returned,
//	         held, released, cancelled, removed
//	id       the message's id, as in the 250 that accepted it; `posthorn journey ID` tells its story
//	proto    smtp, submission, lmtp, imap, pop3, jmap, local, notice
//	peer     the other side's address; host: its name as we looked it up
//	from, to addresses of the envelope; from="" is the null path
//	account  whose login or mailbox
//	tls      TLS1.3, TLS1.2, or empty for none
//	size     bytes
//	status   enhanced status code (RFC 3463); reply: the other side's own words; reason: ours
//	stage    which command was refused: connect, login, mail, rcpt, data
//	attempt  how many times this recipient has been tried
//	next     when the next try is due (RFC 3339); delay: seconds since the message was accepted
//	count    how many e-mails
package obs
