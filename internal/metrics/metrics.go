package metrics

import (
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/internal/version"
	"github.com/hydrant-dev/hydrant/stream"
)

// Metrics holds everything that is counted. Its methods may be called
// concurrently, but Watch only once.
type Metrics struct {
	registry *registry

	received, receivedBytes *prometheus.CounterVec
	puts, refused           *prometheus.CounterVec
	putDuration             *prometheus.HistogramVec
	authFailures            *prometheus.CounterVec

	cut                     *prometheus.CounterVec
	batchBytes              *prometheus.HistogramVec
	deliveries, retries     *prometheus.CounterVec
	delivered, deliveredOut *prometheus.CounterVec
	deliveryDuration        *prometheus.HistogramVec
	lastDelivery            *prometheus.GaugeVec

	fsync             *prometheus.HistogramVec
	damages, failures *prometheus.CounterVec

	reloadOK       prometheus.Gauge
	reloadFailures prometheus.Counter

	reasons words
}

var (
	fast  = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	slow  = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800}
	sizes = prometheus.ExponentialBuckets(1024, 4, 10) // 1 KiB to 256 MiB
)

// New returns metrics that nothing has happened to.
func New() *Metrics {
	r := newRegistry()
	m := &Metrics{registry: r}

	m.received = r.counter("hydrant_records_received_total", "Records accepted and made durable, since start.", "stream", "source")
	m.receivedBytes = r.counter("hydrant_bytes_received_total", "Bytes of the accepted records, since start.", "stream", "source")
	m.puts = r.counter("hydrant_put_requests_total", "Requests to the API by their answer; code is OK or the error's name. Since start.", "stream", "operation", "code")
	m.putDuration = r.histogram("hydrant_put_request_duration_seconds", "From the request's arrival to its answer.", fast, "operation")
	m.refused = r.counter("hydrant_records_throttled_total", "Records refused with a request to come again later, since start.", "stream")
	m.authFailures = r.counter("hydrant_auth_failures_total", "Requests refused for their signature or rights, since start.", "code")

	m.cut = r.counter("hydrant_batches_cut_total", "Batches closed, by what closed them: size, interval or flush. Since start.", "stream", "reason")
	m.batchBytes = r.histogram("hydrant_batch_bytes", "Size of a batch: raw as it was accepted, stored as it was delivered.", sizes, "stream", "stage")
	m.deliveries = r.counter("hydrant_deliveries_total", "Tries to deliver: ok or failed. Since start.", "stream", "result")
	m.delivered = r.counter("hydrant_delivered_records_total", "Records that arrived at the destination, since start. The ledger has the exact account.", "stream")
	m.deliveredOut = r.counter("hydrant_delivered_bytes_total", "Bytes sent to the destination, as stored there. Since start.", "stream")
	m.deliveryDuration = r.histogram("hydrant_delivery_duration_seconds", "From the first try to the good answer.", slow, "stream")
	m.retries = r.counter("hydrant_delivery_retries_total", "Tries that failed, by reason. Since start.", "stream", "reason")
	m.lastDelivery = r.gauge("hydrant_last_delivery_timestamp_seconds", "When the last delivery arrived. Since start.", "stream")

	m.fsync = r.histogram("hydrant_buffer_fsync_duration_seconds", "How long the disk takes to make a group of appends durable.", fast, "stream")
	m.damages = r.counter("hydrant_buffer_damages_total", "Damaged regions found on disk, since start. hydrant_ledger_lost_records_total has what was lost.", "stream")
	m.failures = r.counter("hydrant_buffer_write_failures_total", "Segments given up because a write or sync failed, since start.", "stream")

	m.reloadOK = r.gauge("hydrant_config_last_reload_success_timestamp_seconds", "When a configuration was last applied.").WithLabelValues()
	m.reloadFailures = r.counter("hydrant_config_reload_failures_total", "Reloads refused because of mistakes; the earlier configuration stays. Since start.").WithLabelValues()
	b := version.Read()
	r.gauge("hydrant_build_info", "1; the labels say what runs.", "version", "revision", "goversion").
		WithLabelValues(b.Version, b.Revision, b.Go).Set(1)
	return m
}

// Reloaded notes that a configuration was applied.
func (m *Metrics) Reloaded() { m.reloadOK.SetToCurrentTime() }

// ReloadFailed notes that a configuration was refused.
func (m *Metrics) ReloadFailed() { m.reloadFailures.Inc() }

// Stream returns the functions the engine calls.
func (m *Metrics) Stream() stream.Events {
	return stream.Events{Cut: m.onCut, Delivered: m.onDelivered, Retry: m.onRetry}
}

func (m *Metrics) onCut(name string, p buffer.Plan) {
	m.cut.WithLabelValues(name, string(p.Cause)).Inc()
	m.batchBytes.WithLabelValues(name, "raw").Observe(float64(p.Count.Bytes))
}

func (m *Metrics) onDelivered(name string, d stream.Delivered) {
	m.deliveries.WithLabelValues(name, "ok").Inc()
	m.deliveryDuration.WithLabelValues(name).Observe(d.Took.Seconds())
	m.lastDelivery.WithLabelValues(name).SetToCurrentTime()
	if d.Payload.Failed || d.Payload.Backup {
		return // the ledger counts the error output, and a backup is no delivery
	}
	m.batchBytes.WithLabelValues(name, "stored").Observe(float64(d.Payload.Size))
	m.delivered.WithLabelValues(name).Add(float64(d.Payload.Count.Records))
	m.deliveredOut.WithLabelValues(name).Add(float64(d.Payload.Size))
}

func (m *Metrics) onRetry(name string, r stream.Retry) {
	m.deliveries.WithLabelValues(name, "failed").Inc()
	m.retries.WithLabelValues(name, m.reasons.bounded(r.Err.Reason)).Inc()
}

// words are the values of a label that a destination's answers can have. They
// come from outside and must not fill the memory of Prometheus.
type words struct {
	mu    sync.Mutex
	known map[string]bool
}

const mostWords, longestWord = 100, 64

// bounded returns the word, or "other" when there are too many or it is none.
func (w *words) bounded(word string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known[word] {
		return word
	}
	strange := func(r rune) bool {
		return r != '.' && r != '_' && r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	}
	if word == "" || len(word) > longestWord || strings.ContainsFunc(word, strange) || len(w.known) == mostWords {
		return "other"
	}
	if w.known == nil {
		w.known = map[string]bool{}
	}
	w.known[word] = true
	return word
}

// Buffer returns the functions the local log calls.
func (m *Metrics) Buffer() buffer.Events {
	return buffer.Events{
		Synced:        func(name string, d time.Duration, _ int) { m.fsync.WithLabelValues(name).Observe(d.Seconds()) },
		Damaged:       func(name string, _ buffer.Damage) { m.damages.WithLabelValues(name).Inc() },
		SegmentFailed: func(name string, _ error) { m.failures.WithLabelValues(name).Inc() },
	}
}

// Put counts a request to the Firehose API. stream is empty when the request
// names none that exists.
func (m *Metrics) Put(stream, operation, code string, records, bytes int, d time.Duration) {
	if code == "" {
		code = "OK"
	}
	m.puts.WithLabelValues(stream, operation, code).Inc()
	m.putDuration.WithLabelValues(operation).Observe(d.Seconds())
	switch code {
	case "OK":
		if records > 0 {
			m.received.WithLabelValues(stream, "direct_put").Add(float64(records))
			m.receivedBytes.WithLabelValues(stream, "direct_put").Add(float64(bytes))
		}
	case "ServiceUnavailableException":
		m.refused.WithLabelValues(stream).Add(float64(records))
	}
}

// AuthFailed counts a request that was refused for its signature or rights.
func (m *Metrics) AuthFailed(code string) { m.authFailures.WithLabelValues(code).Inc() }
