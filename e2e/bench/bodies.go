package main

import (
	"context"
	"fmt"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
	"github.com/hydrant-dev/hydrant/sinks"
	es "github.com/hydrant-dev/hydrant/sinks/elasticsearch"
	"github.com/hydrant-dev/hydrant/sinks/httpendpoint"
	"github.com/hydrant-dev/hydrant/sinks/splunk"
)

var cpuPerRecord = metric{"cost", "CPU-µs/record", true}

// bodiesBenchmarks compare the bodies of requests with that of a bulk request,
// which has an id for each record: those of Splunk have one, too.
func bodiesBenchmarks(s settings) []benchmark {
	bulk := es.Default().(*es.Config)
	bulk.URLs, bulk.IndexName = []string{"http://search"}, "bench"
	bulk.S3Backup.Bucket = "file://" + s.dir
	hec := splunk.Default().(*splunk.Config)
	hec.HECEndpoint, hec.HECToken, hec.Event.IDField = "http://splunk", field.NewSecret("x"), "hydrant_id"
	hec.S3Backup.Bucket = bulk.S3Backup.Bucket
	endpoint := func(f httpendpoint.Format) sinks.Config {
		c := httpendpoint.Default().(*httpendpoint.Config)
		c.URL, c.Format, c.S3Backup.Bucket = "http://endpoint", f, bulk.S3Backup.Bucket
		return c
	}
	turn := func(c sinks.Config) func(context.Context) (figures, error) {
		return func(ctx context.Context) (figures, error) { return bodiesTurn(ctx, s, c) }
	}
	var all []benchmark
	for _, one := range []struct {
		name   string
		config sinks.Config
	}{
		{"hec", hec},
		{"firehose", endpoint(httpendpoint.Firehose)},
		{"ndjson", endpoint(httpendpoint.NDJSON)},
		{"json_array", endpoint(httpendpoint.JSONArray)},
	} {
		all = append(all, benchmark{
			name:        "body-" + one.name,
			about:       "records to the body of a request, 5 MiB each, not sent",
			contestants: []contestant{{"hydrant", turn(one.config)}, {"bulk body", turn(bulk)}},
			goals:       []goal{{cpuPerRecord, "bulk body", 1, 0.9}},
		})
	}
	return all
}

// bodiesTurn encodes the same records again and again.
func bodiesTurn(ctx context.Context, s settings, config sinks.Config) (figures, error) {
	to, err := config.Open(sinks.Env{Stream: "bench"})
	if err != nil {
		return nil, err
	}
	defer to.Close()
	chunks := chunksOf(corpus.Clicks(1).Records(bulkSize))
	var spool bulkSpool
	records, begun := 0, ownCPU()
	for ownCPU()-begun < s.duration && ctx.Err() == nil {
		spool.Reset()
		w := to.Destination.Batch(&spool)
		for i := range chunks {
			rows := make([]int, chunks[i].Len())
			for row := range rows {
				rows[row] = row
			}
			if err := w.Add(&chunks[i], rows); err != nil {
				return nil, err
			}
			records += len(rows)
		}
		w.Abandon()
	}
	if spool.Len() == 0 {
		return nil, fmt.Errorf("nothing was written")
	}
	return figures{cpuPerRecord: (ownCPU() - begun).Seconds() * 1e6 / float64(records)}, nil
}
