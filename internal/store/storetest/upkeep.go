package storetest

import (
	"errors"

	"github.com/posthorn-mail/posthorn/internal/store"
)

// upkeepLaws are about backup, check and the end.
func upkeepLaws() []law {
	return []law{
		{"Backup/OpensWithEverything", backupOpens},
		{"Backup/RefusesFolderInUse", backupRefuses},
		{"Close/EndsTheCommitsHandedOver", closeEnds},
		{"Close/RefusesLaterOnes", closeRefuses},
	}
}

func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }

func backupOpens(e *engine) {
	p := account(1)
	e.must(e.commit(batchOf(p, "k", "v")))
	small, large := bytesOf(1, 200), bytesOf(2, 3*e.h.LargeBlob)
	ids := []store.BlobID{e.keep(small, []byte("s")), e.keep(large, []byte("l"))}
	e.reopen() // so that some of it has left the log
	large2 := bytesOf(3, 2*e.h.LargeBlob)
	ids = append(ids, e.keep(large2, []byte("l2")))
	var done, total int64
	e.must(e.st.Backup(ctx(), e.h.BackupDir, func(d, t int64) {
		if d < done || d > t {
			e.t.Errorf("progress went from %d to %d of %d", done, d, t)
		}
		done, total = d, t
	}))
	if done != total || total == 0 {
		e.t.Errorf("progress ended at %d of %d", done, total)
	}
	e.must(e.commit(batchOf(p, "k", "later")))
	copied, err := e.h.OpenBackup(e.h.BackupDir)
	e.must(err)
	c := &engine{t: e.t, h: e.h, st: copied}
	c.holds(p.Key('k'), "v")
	c.blobHolds(ids[0], small)
	c.blobHolds(ids[1], large)
	c.blobHolds(ids[2], large2)
	c.check()
	c.must(c.commit(batchOf(p, "k", "the copy lives on")))
	c.close()
	e.holds(p.Key('k'), "later")
}

func backupRefuses(e *engine) {
	e.must(e.commit(batchOf(account(1), "k", "v")))
	e.must(e.st.Backup(ctx(), e.h.BackupDir, nil))
	if err := e.st.Backup(ctx(), e.h.BackupDir, nil); err == nil {
		e.t.Fatal("a backup into a folder with another one went well")
	}
}

func closeEnds(e *engine) {
	p := account(1)
	w := e.submit(batchOf(p, "k", "v"))
	e.reopen()
	e.must(e.wait(w))
	e.holds(p.Key('k'), "v")
}

func closeRefuses(e *engine) {
	e.close()
	_, err := e.st.Submit(ctx(), batchOf(account(1), "k", "v"))
	e.fails(err, store.ErrClosed)
	_, err = e.st.View(ctx())
	e.fails(err, store.ErrClosed)
	e.fails(e.st.Close(), store.ErrClosed)
	e.open()
}
