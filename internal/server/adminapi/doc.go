// Package adminapi is how operators change and watch a server: the operations themselves (Admin), and a way to call them from
// another process over a local socket (Handler, Client).
//
// Laws: there is one writer on a store. While the server runs, the command line calls it through the socket; when it does not, the
// command line opens the store itself and calls the same operations in its own process. Changes are in force at once: they go
// through the same directory, queue and mailboxes that the sessions use. Who can open the socket may do everything, so it is
// readable for its owner alone (0600, in a folder of 0700).
//
// # On the wire
//
// HTTP over the socket: POST /domain.add and so on. The request's body is one line of JSON, the arguments, and behind it whatever
// the operation reads (send: the message). The answer is lines of JSON: any number of {"event": …} as the work goes on, then one
// {"result": …} or {"fault": …}. This is between one binary and itself, and no promise to other programs.
package adminapi
