// Package hostile attacks the real binary over real sockets, as somebody who wishes it ill would, while honest clients go on, and
// holds it to three things: memory and goroutines stay within bounds and come back to rest, honest clients are served meanwhile, and
// nothing panics. The figures are printed; the bounds are wide, so that a busy machine does not fail.
//
// Clients come from as many addresses as an attack wants: the server believes PROXY headers from one loopback address.
// POSTHORN_HOSTILE=long runs the full sizes. The package has only tests.
package hostile
