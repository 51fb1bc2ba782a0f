// Package clock is the seam to time: everything that waits, expires or stamps takes a Clock, so that tests move time by
// hand and never sleep.
//
// Laws: a Fake moves only by Advance or Set; timers fire in the order of their due times and, at the same time, in the order they
// were made; while a timer fires, Now is its due time.
package clock
