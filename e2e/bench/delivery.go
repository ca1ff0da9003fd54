package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/s3"
	"github.com/hydrant-dev/hydrant/source/firehose"
	"github.com/hydrant-dev/hydrant/stream"
)

// delivery is what objects are made.
type delivery struct {
	name  string // of the benchmark
	about string
	form  objectForm
	bound [2]float64 // CPU-ms/MB: floor and stretch
	share [2]float64 // of what the generic way costs
}

// objectForm is how objects look.
type objectForm string

const (
	gzipObjects    objectForm = "gzip"    // lines
	parquetObjects objectForm = "parquet" // with Snappy
)

var deliveries = []delivery{
	{"deliver", "GZIP objects of 5 MiB of records", gzipObjects, [2]float64{6, 4.7}, [2]float64{1.0 / 3, 1.0 / 4}},
	{"deliver-parquet", "Parquet objects (Snappy) of 64 MiB of records", parquetObjects, [2]float64{5, 4}, [2]float64{1.0 / 6, 1.0 / 9}},
}

// deliveryBenchmarks measure the whole way: PutRecordBatch, durable log,
// object in MinIO. Only the CPU time of our process counts.
func deliveryBenchmarks(s settings) []benchmark {
	ours := startHydrant
	if s.profile != "" {
		ours = startOurs // the program has no profiler
	}
	var all []benchmark
	for _, d := range deliveries {
		for _, cpus := range []int{1, 2} {
			turn := func(start starter) func(context.Context) (figures, error) {
				return func(ctx context.Context) (figures, error) { return deliveryTurn(ctx, s, d.form, cpus, start) }
			}
			all = append(all, benchmark{
				name:  fmt.Sprintf("%s-%dcpu", d.name, cpus),
				about: fmt.Sprintf("end to end: clicks by 500 over HTTP, fdatasync, %s in MinIO, GOMAXPROCS=%d", d.about, cpus),
				contestants: []contestant{
					{"hydrant", turn(ours)},
					{"generic", turn(startGeneric)},
				},
				goals: []goal{
					{cpuPerMegabyte, "", d.bound[0], d.bound[1]},
					{cpuPerMegabyte, "generic", d.share[0], d.share[1]},
					{megabytesPerSecond, "generic", 0, 0},
				},
			})
		}
	}
	return all
}

// starter starts a server with one stream to a bucket and its files in dir.
type starter func(ctx context.Context, s settings, dir string, form objectForm, cpus int, b *bucket) (*server, error)

var megabytesPerSecond = metric{"speed", "MB/s", false}

const (
	requestRecords = 500
	producers      = 8
)

// deliveryTurn puts the payload, waits until all of it is in the bucket, and
// counts the bytes there.
func deliveryTurn(ctx context.Context, s settings, form objectForm, cpus int, start starter) (figures, error) {
	store, err := openBucket(s)
	if err != nil {
		return nil, err
	}
	defer store.close()
	dir, err := os.MkdirTemp(s.dir, "deliver-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	srv, err := start(ctx, s, dir, form, cpus, store)
	if err != nil {
		return nil, err
	}
	defer srv.stop()

	p := newPayload(srv.address, s.payload)
	load := newLoad(srv.address, producers)
	defer load.close()
	before, err := childCPU(srv.pid())
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if _, err := load.run(ctx, p.next, 0); err != nil {
		return nil, err
	}
	if err := srv.empty(ctx); err != nil {
		return nil, err
	}
	took := time.Since(begun)
	after, err := childCPU(srv.pid())
	if err != nil {
		return nil, err
	}
	if got, err := store.records(ctx, form); err != nil {
		return nil, err
	} else if got != p.sentRecords() {
		return nil, fmt.Errorf("the bucket has %d records of %d", got, p.sentRecords())
	}
	sent := float64(p.sentBytes()) / 1e6
	return figures{
		cpuPerMegabyte:     (after - before).Seconds() * 1e3 / sent,
		megabytesPerSecond: sent / took.Seconds(),
	}, nil
}

// payload is requests of clicks. A few megabytes of them are made and used
// again and again: no compressor looks back that far.
type payload struct {
	requests [][]byte
	bytes    []int64 // of the records in each
	limit    int64
	sent     atomic.Int64 // bytes of records
	count    atomic.Int64 // requests
}

func newPayload(host string, limit int64) *payload {
	p := &payload{limit: limit}
	clicks := corpus.New("clicks", 1)
	for range 64 {
		var records [][]byte
		var size int64
		for range requestRecords {
			r := clicks.Append(nil)
			records, size = append(records, r), size+int64(len(r))
		}
		p.requests, p.bytes = append(p.requests, request(host, records)), append(p.bytes, size)
	}
	return p
}

// next returns a request until the limit is reached, and then nil.
func (p *payload) next() []byte {
	n := p.count.Add(1) - 1
	i := int(n) % len(p.requests)
	if p.sent.Add(p.bytes[i]) > p.limit {
		p.sent.Add(-p.bytes[i])
		p.count.Add(-1)
		return nil
	}
	return p.requests[i]
}

func (p *payload) sentBytes() int64   { return p.sent.Load() }
func (p *payload) sentRecords() int64 { return p.count.Load() * requestRecords }

// startGeneric starts the same engine, log and client of the object store
// with what one would use for the rest: net/http, encoding/json, and
// compress/gzip or parquet-go as they come.
func startGeneric(_ context.Context, s settings, dir string, form objectForm, cpus int, b *bucket) (*server, error) {
	return startHarness(s, roleGeneric, dir, form, cpus, b)
}

// startOurs starts the parts of hydrant without the program around them.
func startOurs(_ context.Context, s settings, dir string, form objectForm, cpus int, b *bucket) (*server, error) {
	return startHarness(s, roleOurs, dir, form, cpus, b)
}

func startHarness(s settings, role, dir string, form objectForm, cpus int, b *bucket) (*server, error) {
	srv, err := startServer(s, role, fmt.Sprintf("GOMAXPROCS=%d", cpus), envData+"="+dir, envForm+"="+string(form), envStore+"="+b.server.Endpoint,
		envBucket+"="+b.name, "AWS_ACCESS_KEY_ID="+b.server.AccessKey, "AWS_SECRET_ACCESS_KEY="+b.server.SecretKey)
	if err != nil {
		return nil, err
	}
	srv.buffered = func(ctx context.Context) (int64, error) {
		var n int64
		return n, getJSON(ctx, "http://"+srv.address+"/buffered", &n)
	}
	return srv, nil
}

const (
	envData   = "HYDRANT_BENCH_DATA"
	envForm   = "HYDRANT_BENCH_FORM"
	envStore  = "HYDRANT_BENCH_STORE"
	envBucket = "HYDRANT_BENCH_BUCKET"
)

// serveDelivery runs a stream from an API to a bucket.
func serveDelivery(listener net.Listener, role string) (stop func() error, err error) {
	fsys, err := vfs.OS(os.Getenv(envData))
	if err != nil {
		return nil, err
	}
	dir, err := buffer.OpenDir(fsys, buffer.DirOptions{})
	if err != nil {
		return nil, err
	}
	config := s3.Default().(*s3.Config)
	config.Endpoint, config.PathStyle = os.Getenv(envStore), true
	config.Bucket, config.BufferingHints.Interval = os.Getenv(envBucket), field.Duration(deliveryInterval)
	form := objectForm(os.Getenv(envForm))
	if form == parquetObjects {
		config.Convert(clicksConversion())
	} else {
		config.CompressionFormat = compress.GZIP
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	size, interval := config.Hints()
	set := stream.NewSet(dir, fsys, stream.Events{})
	set.Apply(context.Background(), []stream.Spec{{
		Name: "bench", Shards: 1, InFlight: 2, Hash: "1", Hints: stream.Hints{Size: size, Interval: interval},
		Open: func(d sinks.Decisions) (sinks.Outputs, error) {
			to, err := config.Open(sinks.Env{Stream: "bench", Version: 1, Decisions: d})
			if err == nil && role == roleGeneric {
				to.Destination = genericSink{to.Destination, form}
			}
			return to, err
		},
	}})
	st, ok := set.Stream("bench")
	if !ok || !st.Accepting() {
		return nil, errors.New("start stream: it does not take records")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /buffered", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(st.Status().Ledger.Buffered.Records) // an error means that the client left
	})
	if role == roleGeneric {
		mux.Handle("POST /", jsonDoor{st})
	} else {
		mux.Handle("POST /", firehose.NewHandler(firehose.Default(), oneStream{st}, firehose.Events{}))
	}
	go http.Serve(listener, mux) // until the process ends
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return errors.Join(set.Close(ctx), dir.Close())
	}, nil
}

// deliveryInterval is short, so that the last batch of a turn is not waited for.
const deliveryInterval = time.Second

// oneStream lets the door see a stream of the engine.
type oneStream struct{ stream *stream.Stream }

func (o oneStream) Stream(string) (firehose.Stream, bool) { return o, true }
func (o oneStream) Names() []string                       { return []string{o.stream.Name()} }
func (o oneStream) Active() bool                          { return o.stream.Accepting() }
func (oneStream) Describe() firehose.Description          { return firehose.Description{} }

func (o oneStream) Append(ctx context.Context, e *buffer.Entries) (buffer.Position, error) {
	return o.stream.Append(ctx, e)
}
