// Package peers runs other people's mail servers from Debian on loopback, each from a configuration and a queue of its own in a
// folder the caller gives, so that tests and benchmarks drive the real thing without touching the machine's own mail system.
package peers
