package rig

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Setting reads a number from the environment.
func Setting(t testing.TB, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Seed is where random choices begin: POSTHORN_SEED, or another one each time. It is logged, so that a run can be begun again.
func Seed(t testing.TB) uint64 {
	t.Helper()
	n := Setting(t, "POSTHORN_SEED", int(time.Now().UnixNano()%1_000_000))
	t.Logf("POSTHORN_SEED=%d", n)
	return uint64(n)
}
