// Package cli is the command line: one file per subcommand. A command reads its arguments, calls the operations of
// server/adminapi, and says what happened; it holds no rule of its own.
//
// Laws: a change takes effect in the running server at once, through its admin socket; without one the command opens the store itself. A
// password is read from the terminal or standard input, never from an argument. What a person reads comes from base/text in the chosen
// language; lists are columns under a header, which scripts can split at two or more blanks. Exit status 0 is success, 1 a failure, 2 wrong usage.
package cli
