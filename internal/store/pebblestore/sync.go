package pebblestore

import (
	"time"
)

// syncLoop waits for the disk, group by group, and then shows the world what became durable.
func (d *DB) syncLoop() {
	defer close(d.ended)
	for g := range d.groups {
		if !d.settle(g) {
			return
		}
	}
}

// settle waits until the group is durable, publishes it and tells the outcomes. It is false if the store failed.
func (d *DB) settle(g *group) bool {
	if g.synced {
		if err := g.pb.SyncWait(); err != nil {
			d.fail("sync", d.dir, err)
			return false
		}
		d.count.syncs.Add(1)
		d.tellSlow(g)
	}
	if g.snap != nil {
		d.publish(g.snap)
	}
	if len(g.touched) > 0 {
		d.notify(g.touched)
	}
	for _, j := range g.jobs {
		d.countJob(j)
		giveBackRows(j)
		j.done <- j.err
	}
	g.reset(d.pdb)
	d.free <- g
	return true
}

func (d *DB) tellSlow(g *group) {
	took := d.opt.Clock.Now().Sub(g.started)
	if took < d.opt.SlowSync {
		return
	}
	d.opt.Log.Warn("store: the disk was slow to sync",
		"took", took.Round(time.Millisecond), "commits", len(g.jobs), "bytes", len(g.pb.Repr()))
}

func (d *DB) countJob(j *job) {
	if j.err != nil {
		return
	}
	size := int64(j.size)
	if j.batch != nil {
		d.count.commits.Add(1)
		for _, s := range j.batch.Blobs() {
			size += s.(*stagedBlob).saved()
		}
	}
	d.count.accepted.Add(size)
}

// giveBackRows gives back the memory of what the job has stored. It comes before the job's end, after which the batch is its owner's again.
func giveBackRows(j *job) {
	if j.err != nil || j.batch == nil {
		return
	}
	for _, s := range j.batch.Blobs() {
		s.(*stagedBlob).settled()
	}
}
