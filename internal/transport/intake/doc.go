// Package intake takes messages in: whom it is from, whom it is for, the content; then one commit; then the 250.
//
// Read intake.go first: Begin, From, To and Body are what happens to every message, in order.
//
// Laws:
//
//   - Body returns without an error only after one durable commit that holds the message's whole fate: its bytes, a row in
//     every local recipient's mailbox, a queue row for every other recipient, and the beginning of its journey. (Of more than 50
//     accounts all have queue rows, and are served in batches; so has a success notice that is owed.)
//   - The bytes stream: into the store as they arrive, read for their structure at the same time. No message is ever whole
//     in memory.
//   - Mail for elsewhere is taken only from a login, a listed network, or ourselves.
//   - A message that passes through is changed as little as can be: a Received field is added, a Return-Path removed. One of
//     our own people's is completed (RFC 6409 section 8).
//
// # Form of a stored message
//
// A Return-Path field (RFC 5321 section 4.4) on the first line, a Received field, then the header and body as they came.
// One body serves all recipients: what goes to other servers is the same bytes without the first line. So nothing
// that differs between recipients is written into it, and nobody learns of another.
//
// # Loops
//
// A message is refused after screen.MaxHops Received fields. A message with one recipient who is an alias for somewhere
// else gets a Delivered-To field naming the alias, and is refused when it comes back to that alias with it: this ends most
// loops in the first round. With more recipients the field would tell one about another, so those loops end by hops.
package intake
