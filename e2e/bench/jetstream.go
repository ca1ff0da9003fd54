package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hydrant-dev/hydrant/buffer"
)

// jetStream is a NATS server in this process with one stream on disk, told to
// sync before it answers.
type jetStream struct {
	server     *natsserver.Server
	conns      []*nats.Conn
	publishers []jetstream.JetStream // one per connection
	next       atomic.Uint32
}

func openJetStream(dir string) (store, error) {
	srv, err := natsserver.NewServer(&natsserver.Options{
		JetStream: true, StoreDir: dir, SyncAlways: true, DontListen: true, NoLog: true, NoSigs: true,
		JetStreamMaxStore: 64 << 30, JetStreamMaxMemory: 1 << 30,
	})
	if err != nil {
		return nil, err
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		srv.Shutdown()
		return nil, errors.New("server is not ready after 10s")
	}
	j := &jetStream{server: srv}
	// Connections are shared by writers, as a producer's goroutines do.
	for range 8 {
		conn, err := nats.Connect("", nats.InProcessServer(srv))
		if err != nil {
			return nil, errors.Join(err, j.Close())
		}
		j.conns = append(j.conns, conn)
		js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(100_000))
		if err != nil {
			return nil, errors.Join(err, j.Close())
		}
		if len(j.conns) == 1 {
			_, err = js.CreateStream(context.Background(), jetstream.StreamConfig{
				Name: "bench", Subjects: []string{"bench"}, Storage: jetstream.FileStorage,
			})
			if err != nil {
				return nil, errors.Join(err, j.Close())
			}
		}
		j.publishers = append(j.publishers, js)
	}
	return j, nil
}

// Append publishes all records and then waits for all answers.
func (j *jetStream) Append(ctx context.Context, e *buffer.Entries) error {
	js := j.publishers[int(j.next.Add(1))%len(j.publishers)]
	acks := make([]jetstream.PubAckFuture, 0, e.Len())
	err := eachRecord(e, func(record []byte) error {
		ack, err := js.PublishAsync("bench", record)
		acks = append(acks, ack)
		return err
	})
	if err != nil {
		return err
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return fmt.Errorf("publish: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (j *jetStream) Close() error {
	for _, c := range j.conns {
		c.Close()
	}
	j.server.Shutdown()
	j.server.WaitForShutdown()
	return nil
}
