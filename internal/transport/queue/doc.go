// Package queue keeps messages that wait to be carried on, and decides when each goes where.
//
// A message is cut into legs: recipients that go to one destination together. Each leg has its own attempts and due time.
//
// Laws:
//
//   - What Add puts into a caller's commit is tried until it is delivered, failed, or too old, across any crash. The only
//     double that can happen is a crash between the other server's 250 and the commit that settles it.
//   - Settling and the notice it causes are one commit.
//   - Memory is bounded whatever waits: only a window of what is due is in memory, the rest is on the disk.
//   - A destination that does not answer costs the others nothing: it backs off as a whole, with one probe at a time.
package queue
