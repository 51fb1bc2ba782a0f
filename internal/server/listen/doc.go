// Package listen is what every listener shares: the accept loop, limits by address and in all, the PROXY protocol,
// TLS, and an end that lets sessions finish.
//
// Laws:
//
//   - Each connection has one goroutine, owned by Serve: when Serve returns, all its sessions have ended.
//   - A panic in a session ends that session only.
//   - A limit is held before any byte is read from the client, except for the header of a trusted proxy, whose word tells who
//     the client is.
//   - When ctx ends, sessions are told (Conn.Draining) and have Config.Drain to come to a good end; then their
//     context ends and their connections are closed.
package listen
