package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/posthorn-mail/posthorn/internal/state/certs"
	"github.com/posthorn-mail/posthorn/internal/store/pebblestore"
)

// showFigures adds what the parts count themselves to the metrics; it is read when somebody asks.
func showFigures(r *prometheus.Registry, engine *pebblestore.DB, keeper *certs.Keeper) {
	stat := func(name, help string, kind prometheus.ValueType, read func(pebblestore.Stats) int64) prometheus.Collector {
		return figure{
			desc: prometheus.NewDesc("posthorn_store_"+name, help, nil, nil), kind: kind,
			read: func() float64 { return float64(read(engine.Stats())) },
		}
	}
	r.MustRegister(
		stat("commits_total", "Commits of the store.", prometheus.CounterValue, func(s pebblestore.Stats) int64 { return s.Commits }),
		stat("syncs_total", "Syncs of the disk that commits shared.", prometheus.CounterValue, func(s pebblestore.Stats) int64 { return s.Syncs }),
		stat("accepted_bytes_total", "Bytes that commits carried.", prometheus.CounterValue, func(s pebblestore.Stats) int64 { return s.AcceptedBytes }),
		stat("written_bytes_total", "Bytes written to the disk for them, with compactions.", prometheus.CounterValue,
			func(s pebblestore.Stats) int64 { return s.WrittenBytes }),
		stat("disk_bytes", "Bytes the store takes on the disk.", prometheus.GaugeValue, func(s pebblestore.Stats) int64 { return s.DiskBytes }),
		stat("memory_bytes", "Bytes of memory the store uses.", prometheus.GaugeValue, func(s pebblestore.Stats) int64 { return s.MemoryBytes }),
		figure{
			desc: prometheus.NewDesc("posthorn_certificate_end_seconds", "When the first certificate ends, in seconds since 1970.", nil, nil),
			kind: prometheus.GaugeValue, read: func() float64 { return float64(firstEnd(keeper).Unix()) },
		},
	)
}

// firstEnd is when the first of the certificates shown ends.
func firstEnd(k *certs.Keeper) time.Time {
	var first time.Time
	for _, leaf := range k.Leaves() {
		if first.IsZero() || leaf.NotAfter.Before(first) {
			first = leaf.NotAfter
		}
	}
	return first
}

// figure is one number that is read when it is asked for.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func() float64
}

// Describe implements prometheus.Collector.
func (f figure) Describe(c chan<- *prometheus.Desc) { c <- f.desc }

// Collect implements prometheus.Collector.
func (f figure) Collect(c chan<- prometheus.Metric) {
	c <- prometheus.MustNewConstMetric(f.desc, f.kind, f.read())
}
