package queue

import (
	"flag"
	"os"
	"testing"
)

// TestMain makes the models' default short: each check opens a store. A flag given on the command line wins.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		_ = flag.Set("rapid.checks", "8")
	}
	os.Exit(m.Run())
}
