// Package bounce writes notices: that a message was not delivered, not yet, or that it was (RFC 3461, 3464, 6522, 6533).
//
// A notice has three parts: plain words for the author, in German and English; the same for programs; and the message it is
// about, or its header.
//
// Laws:
//
//   - There is never a notice about a notice: nothing is written to the null path, and every notice comes from it.
//   - The notice and the change that causes it are one commit: both are, or neither.
//   - The message comes back whole only if it is small or its author asked for it, and streams from the store.
package bounce
