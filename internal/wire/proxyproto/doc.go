// Package proxyproto reads the header of the PROXY protocol, versions 1 and 2, by which a load balancer tells whose
// connection it passes on (the specification is HAProxy's doc/proxy-protocol.txt).
//
// Laws: not a byte behind the header is read; a header is bounded (MaxV1, MaxV2); a connection that should start with a
// header and does not is an error, never a guess. Whom to believe is the caller's to know.
package proxyproto
