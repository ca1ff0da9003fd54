package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/e2e/corpus"
	"github.com/hydrant-dev/hydrant/sinks"
	es "github.com/hydrant-dev/hydrant/sinks/elasticsearch"
)

var cpuPerDocument = metric{"cost", "CPU-µs/document", true}

// bulkSize is how many bytes of records go into one request.
const bulkSize = 5 << 20

// bulkBenchmark measures clients of Elasticsearch: records become documents
// with ids in bulk requests to a server that forgets them, in a process of its
// own, and the answers are read. Ours also checks that each record is an object.
func bulkBenchmark(s settings) benchmark {
	turn := func(client bulkClient) func(context.Context) (figures, error) {
		return func(ctx context.Context) (figures, error) { return bulkTurn(ctx, s, client) }
	}
	return benchmark{
		name:  "bulk",
		about: "records to documents in bulk requests, 5 MiB each, with ids",
		contestants: []contestant{
			{"hydrant", turn(ourBulk)},
			{"esutil", turn(theirBulk(nil))},
			{"esutil, short answers", turn(theirBulk([]string{"errors", "items.*.status", "items.*.error"}))},
		},
		goals: []goal{
			{cpuPerDocument, "esutil", 0.25, 0.13},
			{cpuPerDocument, "esutil, short answers", 0, 0},
		},
	}
}

// bulkClient sends the records of chunks, again and again, for as long as more
// says so, and returns how many were taken.
type bulkClient func(ctx context.Context, url, dir string, chunks []buffer.Chunk, more func() bool) (documents int64, err error)

func bulkTurn(ctx context.Context, s settings, client bulkClient) (figures, error) {
	srv, err := startServer(s, roleSearch)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	chunks := chunksOf(corpus.Clicks(1).Records(bulkSize))
	url, begun := "http://"+srv.address, ownCPU()
	documents, err := client(ctx, url, s.dir, chunks, func() bool { return ownCPU()-begun < s.duration && ctx.Err() == nil })
	spent := ownCPU() - begun
	if err != nil {
		return nil, err
	}
	var there struct{ Documents int64 }
	if err := getJSON(ctx, url+"/_count", &there); err != nil {
		return nil, err
	}
	if there.Documents != documents || documents == 0 {
		return nil, fmt.Errorf("the server has %d documents, the client sent %d", there.Documents, documents)
	}
	return figures{cpuPerDocument: spent.Seconds() * 1e6 / float64(documents)}, nil
}

// ourBulk is the destination of a stream, with its spool in memory.
func ourBulk(ctx context.Context, url, dir string, chunks []buffer.Chunk, more func() bool) (documents int64, err error) {
	c := es.Default().(*es.Config)
	c.URLs, c.IndexName, c.S3Backup.Bucket = []string{url}, "bench", "file://"+dir
	if err := c.Validate(); err != nil {
		return 0, err
	}
	to, err := c.Open(sinks.Env{Stream: "bench", Version: 1})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	var spool bulkSpool
	for more() {
		spool.Reset()
		w := to.Destination.Batch(&spool)
		for i := range chunks {
			rows := make([]int, chunks[i].Len())
			for row := range rows {
				rows[row] = row
			}
			if err := w.Add(&chunks[i], rows); err != nil {
				return documents, err
			}
		}
		payloads, err := w.Seal(buffer.Plan{})
		if err != nil {
			return documents, err
		}
		for i := range payloads {
			payloads[i].Body = bytes.NewReader(spool.Bytes())
			if err := to.Destination.Send(ctx, &payloads[i]); err != nil {
				return documents, err
			}
			documents += int64(payloads[i].Count.Records)
		}
	}
	return documents, nil
}

// bulkSpool keeps one file in memory.
type bulkSpool struct{ bytes.Buffer }

func (s *bulkSpool) Create() (sinks.SpoolFile, error) { return s, nil }
func (s *bulkSpool) Finish() (sinks.Content, error) {
	return sinks.Content{File: "0", Size: int64(s.Len())}, nil
}

// theirBulk is the bulk indexer of Elasticsearch's own client, with one worker
// and requests of the same size.
func theirBulk(filter []string) bulkClient {
	return func(ctx context.Context, url, _ string, chunks []buffer.Chunk, more func() bool) (int64, error) {
		client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{url}, DisableRetry: true})
		if err != nil {
			return 0, err
		}
		var failed error
		indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{
			Client: client, Index: "bench", NumWorkers: 1, FlushBytes: bulkSize, FilterPath: filter,
			OnError: func(_ context.Context, err error) { failed = errors.Join(failed, err) },
		})
		if err != nil {
			return 0, err
		}
		id := []byte("wkrpblzm6bkhncbx-")
		n := uint64(0)
		for more() {
			for i := range chunks {
				for row := range chunks[i].Len() {
					n++
					err := indexer.Add(ctx, esutil.BulkIndexerItem{
						Action:     "create",
						DocumentID: string(strconv.AppendUint(id, n, 16)),
						Body:       bytes.NewReader(chunks[i].Bytes(row)),
					})
					if err != nil {
						return 0, err
					}
				}
			}
		}
		if err := indexer.Close(ctx); err != nil {
			return 0, err
		}
		stats := indexer.Stats()
		if failed != nil || stats.NumFailed > 0 {
			return 0, fmt.Errorf("%d documents failed: %w", stats.NumFailed, failed)
		}
		return int64(stats.NumFlushed), nil
	}
}
