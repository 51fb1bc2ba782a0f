// Package e2e runs the whole program in process, on a memory disk, a clock that only moves when told and a zone of its own,
// and talks to it over real sockets. A test is a session as text in testdata/*.txtar; README.md beside it tells the
// language. The package has only tests.
package e2e
