package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/stream"
)

// Sources is what is read when Prometheus asks.
type Sources struct {
	Streams func() []*stream.Stream
	// Kinds returns the source and the destination of a stream as they are
	// called in the configuration.
	Kinds func(stream string) (source, destination string)
	// Free returns the free bytes of the buffer's disk and its size.
	Free func() (free, total int64, err error)
	// MaxSize is what the buffer may take on disk; 0: no limit.
	MaxSize func() int64
	// Memory is what the encoders of all streams share.
	Memory *column.Budget
}

// Watch adds the metrics that are read at scrape time.
func (m *Metrics) Watch(s Sources) { m.registry.prom.MustRegister(newScrape(m.registry, s)) }

// scrape reads the state of all streams.
type scrape struct {
	from Sources

	accounts  []account
	gap       reading
	state     reading
	info      reading
	freshness reading
	target    reading
	size      reading
	records   reading
	held      reading
	behind    reading
	limit     reading
	free      reading
	disk      reading
	memory    reading
	most      reading
}

// account is one line of the ledger, in records and in bytes.
type account struct {
	records, bytes reading
	of             func(buffer.Ledger) buffer.Count
}

func newScrape(r *registry, from Sources) *scrape {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	s := &scrape{from: from}
	line := func(kind prometheus.ValueType, name, suffix, help string, of func(buffer.Ledger) buffer.Count) {
		s.accounts = append(s.accounts, account{
			r.atScrape(kind, "hydrant_ledger_"+name+"_records"+suffix, "Records "+help+". Exact across restarts.", "stream"),
			r.atScrape(kind, "hydrant_ledger_"+name+"_bytes"+suffix, "Bytes, as accepted, of records "+help+". Exact across restarts.", "stream"),
			of,
		})
	}
	line(counter, "accepted", "_total", "made durable", func(l buffer.Ledger) buffer.Count { return l.Accepted })
	line(counter, "delivered", "_total", "in the destination", func(l buffer.Ledger) buffer.Count { return l.Delivered })
	line(counter, "failed", "_total", "in the error output", func(l buffer.Ledger) buffer.Count { return l.Failed })
	line(counter, "dropped", "_total", "removed by a rule of the configuration", func(l buffer.Ledger) buffer.Count { return l.Dropped })
	line(counter, "lost", "_total", "damaged on disk and quarantined", func(l buffer.Ledger) buffer.Count { return l.Lost })
	line(gauge, "buffered", "", "waiting to be delivered", func(l buffer.Ledger) buffer.Count { return l.Buffered })
	s.gap = r.atScrape(gauge, "hydrant_ledger_gap_records", "accepted - delivered - failed - dropped - lost - buffered; anything but 0 is a bug.", "stream")
	s.state = r.atScrape(gauge, "hydrant_stream_state", "1 for the state the stream is in: ACTIVE, HELD, SUSPENDED or DRAINING.", "stream", "state")
	s.info = r.atScrape(gauge, "hydrant_stream_info", "1; the labels say where the stream's records come from and go to.", "stream", "source", "destination")
	s.freshness = r.atScrape(gauge, "hydrant_delivery_freshness_seconds", "Age of the oldest record that is not delivered; 0 if none.", "stream")
	s.target = r.atScrape(gauge, "hydrant_delivery_freshness_target_seconds", "The stream's buffering interval: what freshness should stay near.", "stream")
	s.size = r.atScrape(gauge, "hydrant_buffer_bytes", "Bytes of the stream on disk.", "stream")
	s.records = r.atScrape(gauge, "hydrant_buffer_records", "Records of the stream waiting to be delivered.", "stream")
	s.held = r.atScrape(gauge, "hydrant_log_held_bytes", "Bytes of a stream's log on disk that a stream which reads it has not passed; segments are deleted when all have. Only of logs that others follow.", "log", "stream")
	s.behind = r.atScrape(gauge, "hydrant_log_waiting_records", "Records of a stream's log that a stream which reads it has not settled. Only of logs that others follow.", "log", "stream")
	s.limit = r.atScrape(gauge, "hydrant_buffer_limit_bytes", "What all streams together may take on disk; 0 if there is no limit.")
	s.free = r.atScrape(gauge, "hydrant_disk_free_bytes", "Free space on the disk of the buffer.")
	s.disk = r.atScrape(gauge, "hydrant_disk_size_bytes", "Size of the disk of the buffer.")
	s.memory = r.atScrape(gauge, "hydrant_conversion_memory_bytes", "Memory that open files of columns (Parquet, ORC, Arrow) hold.")
	s.most = r.atScrape(gauge, "hydrant_conversion_memory_limit_bytes", "What they may hold together; beyond it row groups end early.")
	return s
}

// Describe sends nothing: the metrics differ from scrape to scrape, and the
// registry checks them then.
func (s *scrape) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything once.
func (s *scrape) Collect(ch chan<- prometheus.Metric) {
	for _, st := range s.from.Streams() {
		s.stream(ch, st)
	}
	s.limit.send(ch, float64(s.from.MaxSize()))
	if free, total, err := s.from.Free(); err == nil { // a gap in the graph says that the disk cannot be asked
		s.free.send(ch, float64(free))
		s.disk.send(ch, float64(total))
	}
	s.memory.send(ch, float64(s.from.Memory.Held()))
	s.most.send(ch, float64(s.from.Memory.Limit))
}

func (s *scrape) stream(ch chan<- prometheus.Metric, st *stream.Stream) {
	name, status := st.Name(), st.Status()
	for _, a := range s.accounts {
		c := a.of(status.Ledger)
		a.records.send(ch, float64(c.Records), name)
		a.bytes.send(ch, float64(c.Bytes), name)
	}
	s.gap.send(ch, float64(status.Ledger.Gap()), name)
	for _, state := range []stream.State{stream.Active, stream.Held, stream.Suspended, stream.Draining} {
		is := 0.0
		if status.State == state {
			is = 1
		}
		s.state.send(ch, is, name, string(state))
	}
	source, destination := s.from.Kinds(name)
	s.info.send(ch, 1, name, source, destination)
	age := 0.0
	if !status.Oldest.IsZero() {
		age = max(0, time.Since(status.Oldest).Seconds())
	}
	s.freshness.send(ch, age, name)
	s.target.send(ch, st.Spec().Hints.Interval.Seconds(), name)
	s.size.send(ch, float64(status.Size), name)
	s.records.send(ch, float64(status.Ledger.Buffered.Records), name)
	if len(status.Holders) > 1 {
		for _, h := range status.Holders {
			s.held.send(ch, float64(h.Bytes), name, h.Stream)
			s.behind.send(ch, float64(h.Waiting.Records), name, h.Stream)
		}
	}
}
