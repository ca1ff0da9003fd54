package main

import (
	"context"
	"fmt"
)

// ingestBenchmarks measure the door: HTTP in, records out to a stream that
// forgets them. The server is a process of its own, and its CPU time counts.
func ingestBenchmarks(s settings) []benchmark {
	return []benchmark{
		ingestBenchmark(s, 500, 8, []goal{{recordsPerCPU, "encoding/json", 12, 20}}),
		ingestBenchmark(s, 20, 16, []goal{{recordsPerCPU, "encoding/json", 0, 0}}),
		ingestBenchmark(s, 1, 32, []goal{{recordsPerCPU, "encoding/json", 1.3, 3}}),
	}
}

func ingestBenchmark(s settings, records, connections int, goals []goal) benchmark {
	turn := func(role string) func(context.Context) (figures, error) {
		return func(ctx context.Context) (figures, error) { return ingestTurn(ctx, s, role, records, connections) }
	}
	return benchmark{
		name: fmt.Sprintf("ingest-%dx1", records),
		about: fmt.Sprintf("PutRecordBatch over HTTP, %d records of 1 KiB per request, %d connections, records not kept",
			records, connections),
		contestants: []contestant{
			{"hydrant", turn(roleDoor)},
			{"encoding/json", turn(roleDoorJSON)},
		},
		goals: append(goals, goal{metric: cpuPerMegabyte, peer: "encoding/json"}),
	}
}

func ingestTurn(ctx context.Context, s settings, role string, records, connections int) (figures, error) {
	srv, err := startServer(s, role)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	body := request(srv.address, split(entries(records)))
	load := newLoad(srv.address, connections)
	defer load.close()
	if _, err := load.run(ctx, endless(body), s.duration/5); err != nil { // warm up
		return nil, err
	}
	before, err := childCPU(srv.pid())
	if err != nil {
		return nil, err
	}
	requests, err := load.run(ctx, endless(body), s.duration)
	if err != nil {
		return nil, err
	}
	after, err := childCPU(srv.pid())
	if err != nil {
		return nil, err
	}
	n := float64(requests * records)
	return figures{
		recordsPerCPU:  n / (after - before).Seconds(),
		cpuPerMegabyte: (after - before).Seconds() * 1e3 / (n * recordSize / 1e6),
	}, nil
}

// endless gives the same request for ever.
func endless(body []byte) func() []byte { return func() []byte { return body } }
