package pebblestore_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/posthorn-mail/posthorn/internal/store"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
	"github.com/posthorn-mail/posthorn/internal/store/storetest"
)

// smallBlob makes blobs chunked early, so that tests are quick.
const smallBlob = 2 << 10

// small are options that reach every path with little data.
func small(fs vfs.FS) pebblestore.Options {
	return pebblestore.Options{FS: fs, InlineBytes: smallBlob, MemTableBytes: 64 << 10, CacheBytes: 1 << 20}
}

func TestLaws(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Harness {
		fs := vfs.NewMem()
		at := func(dir string) (store.Store, error) { return pebblestore.Open(dir, small(fs)) }
		return storetest.Harness{
			Open:       func() (store.Store, error) { return at("store") },
			OpenBackup: at,
			BackupDir:  "backup",
			LargeBlob:  smallBlob,
		}
	})
}

func TestDisk(t *testing.T) {
	storetest.RunDisk(t, storetest.Disk{
		Open:      func(fs vfs.FS) (store.Store, error) { return pebblestore.Open("store", small(fs)) },
		LargeBlob: smallBlob,
	})
}
