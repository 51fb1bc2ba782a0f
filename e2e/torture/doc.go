// Package torture runs the whole program in process on disks that crash, fail, fill up, are slow or lie, under the mixed load
// of e2e/witness, and has the witness compare what is there afterwards with what clients were told. It also restores backups
// on empty machines and opens the stores that older builds have left in testdata.
//
// TestConcert has many clients of all protocols work on one account at once and compares what each is told (POSTHORN_SEEDS times).
//
// POSTHORN_CRASHES is how many crashes of the machine are made (8 otherwise, more in make torture), POSTHORN_SYNC how long a sync
// of the slow disk takes (100ms otherwise), POSTHORN_SEED the seed. The package has only tests.
package torture
