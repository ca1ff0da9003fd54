// Package metrics counts what happens, for Prometheus. It listens to the
// engine, the log and the doors, and reads the rest, such as the ledger and
// freshness, at the moment it is asked: those are never stale and do not
// start at zero after a restart.
package metrics

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// family is a line of the reference.
type family struct {
	name, kind, help string
	labels           []string
}

// registry makes metrics and keeps the list of them for the reference.
type registry struct {
	prom     *prometheus.Registry
	families []family
}

func newRegistry() *registry {
	r := &registry{prom: prometheus.NewRegistry()}
	r.prom.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

func (r *registry) note(kind, name, help string, labels []string) {
	r.families = append(r.families, family{name, kind, help, labels})
}

func (r *registry) counter(name, help string, labels ...string) *prometheus.CounterVec {
	r.note("counter", name, help, labels)
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.prom.MustRegister(c)
	return c
}

func (r *registry) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	r.note("gauge", name, help, labels)
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	r.prom.MustRegister(g)
	return g
}

func (r *registry) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	r.note("histogram", name, help, labels)
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	r.prom.MustRegister(h)
	return h
}

// atScrape describes a metric whose value is read when it is asked for.
func (r *registry) atScrape(kind prometheus.ValueType, name, help string, labels ...string) reading {
	word := map[prometheus.ValueType]string{prometheus.CounterValue: "counter", prometheus.GaugeValue: "gauge"}[kind]
	r.note(word, name, help, labels)
	return reading{prometheus.NewDesc(name, help, labels, nil), kind}
}

// reading is a metric that is read at scrape time.
type reading struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func (r reading) send(ch chan<- prometheus.Metric, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(r.desc, r.kind, value, labels...)
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry.prom, promhttp.HandlerOpts{Registry: m.registry.prom})
}

// Reference returns the list of metrics in Markdown.
func (m *Metrics) Reference() string {
	var b strings.Builder
	b.WriteString("# Metrics\n\n" +
		"Served at `/metrics` of the admin listener (default `127.0.0.1:4574`). Times are in seconds, sizes in bytes.\n" +
		"Metrics marked *since start* begin at 0 when the process starts; the ledger does not.\n" +
		"The usual `go_*` and `process_*` metrics are served too.\n\n" +
		"| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n")
	for _, f := range m.registry.families {
		labels := "–"
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, f.kind, labels, f.help)
	}
	fmt.Fprintf(&b, "\nThe reasons of `hydrant_delivery_retries_total` are the destination's own words: error codes of S3 and Firehose, exception types of\n"+
		"Elasticsearch, SQLSTATEs; and `timeout`, `connection`, `dns`, `certificate`, `handshake`, `address`, `canceled` where there was no answer. There\n"+
		"are at most %d, then `other`.\n", mostWords)
	return b.String()
}
