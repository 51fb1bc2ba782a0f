// Package archtest holds the tree to its architecture: the import order, the sizes of files and functions, package comments,
// unique package names, and the two walks of ARCHITECTURE.md. It has only tests.
package archtest
