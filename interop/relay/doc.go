// Package relay drives mail over several real servers in a row.
package relay
