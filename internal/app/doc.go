// Package app builds the whole server out of its parts and runs it. It is wiring and nothing else: engines, listeners and transports are
// known to nobody else.
//
// New builds; nothing is opened to the world yet, and a command that only wants the operations (Admin) needs no more. Run opens the sockets,
// starts the parts in order and, when its context ends, stops them in reverse: sessions come to a good end first, then the
// queue's attempts, then what writes in the background; Close ends the store last.
//
// World is everything that is not Posthorn: time, disk, DNS, network. It is the only hook tests have.
package app
