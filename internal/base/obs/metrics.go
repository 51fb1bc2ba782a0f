package obs

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is every figure Posthorn shows to Prometheus, in a registry of its own. Labels have few, fixed values: never an address, a name
// or an id.
type Metrics struct {
	Registry *prometheus.Registry

	Connections     *prometheus.CounterVec   // proto
	Sessions        *prometheus.GaugeVec     // proto; open now
	Logins          *prometheus.CounterVec   // proto, result (ok, failed, locked)
	Accepted        *prometheus.CounterVec   // proto
	AcceptedBytes   *prometheus.CounterVec   // proto
	Refused         *prometheus.CounterVec   // proto, stage, kind (temporary, permanent)
	Recipients      *prometheus.CounterVec   // outcome (delivered, relayed, deferred, returned)
	Removed         *prometheus.CounterVec   // proto
	QueueActions    *prometheus.CounterVec   // action (held, released, cancelled)
	Queue           prometheus.Gauge         // messages waiting
	CommitSeconds   prometheus.Histogram     // the store's commits
	DeliverySeconds *prometheus.HistogramVec // outcome (delivered, relayed, returned); from accepted to settled
}

// NewMetrics makes the metrics with the process's own (memory, goroutines, files).
func NewMetrics() *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "posthorn", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "posthorn", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		Registry:      prometheus.NewRegistry(),
		Connections:   counter("connections_total", "Connections that were opened to us.", "proto"),
		Sessions:      gauge("sessions", "Sessions open now.", "proto"),
		Logins:        counter("logins_total", "Logins by result.", "proto", "result"),
		Accepted:      counter("accepted_messages_total", "Messages that were accepted.", "proto"),
		AcceptedBytes: counter("accepted_bytes_total", "Bytes of accepted messages.", "proto"),
		Refused:       counter("refused_total", "Commands that were refused.", "proto", "stage", "kind"),
		Recipients:    counter("recipients_total", "What became of recipients; deferred counts every try.", "outcome"),
		Removed:       counter("removed_emails_total", "E-mails that clients removed for good.", "proto"),
		QueueActions:  counter("queue_actions_total", "What people did to queued messages.", "action"),
		Queue:         prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "posthorn", Name: "queue_messages", Help: "Messages in the queue now."}),
		CommitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "posthorn", Name: "commit_seconds", Help: "Time of one durable commit of the store.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12), // 0.1 ms to 2.4 s
		}),
		DeliverySeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "posthorn", Name: "delivery_seconds", Help: "Time from accepting a message to settling a recipient.",
			Buckets: prometheus.ExponentialBuckets(0.001, 6, 12), // 1 ms to 4 days
		}, []string{"outcome"}),
	}
	m.Registry.MustRegister(m.Connections, m.Sessions, m.Logins, m.Accepted, m.AcceptedBytes, m.Refused, m.Recipients, m.Removed,
		m.QueueActions, m.Queue, m.CommitSeconds, m.DeliverySeconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
