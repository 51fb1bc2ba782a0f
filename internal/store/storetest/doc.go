// Package storetest holds every engine of the store contract to its laws. Run checks the laws one by one and with random
// operations against a model; RunDisk, for engines that keep their data in files, checks them on disks that crash at
// every sync, fail, fill up and stall.
//
// It is test code that lives outside of _test files so that every engine's tests can call it.
package storetest
