// Package httpd is the local HTTP port for machines that watch this one: Prometheus (/metrics) and health checks (/healthz, /readyz).
// It has no login and tells no names, so it belongs on loopback or a private network.
package httpd
