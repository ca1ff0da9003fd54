package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/pprof"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/source/firehose"
)

// What this program is when it runs as its own child, so that a server's CPU
// time can be told from that of its clients.
const (
	roleDoor     = "door"      // our API in front of nothing
	roleDoorJSON = "door-json" // the same with encoding/json
	roleOurs     = "ours"      // our stream, for profiles
	roleGeneric  = "generic"   // the same with what others would use
	roleSearch   = "search"    // Elasticsearch that forgets its documents
)

// What a child is told.
const (
	envDir     = "HYDRANT_BENCH_DIR"     // a folder it may use
	envProfile = "HYDRANT_BENCH_PROFILE" // where to write a CPU profile, if anywhere
)

// serve runs a server until standard input ends. Its first line of output is
// its address.
func serve(role string) (err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if file := os.Getenv(envProfile); file != "" {
		out, err := os.Create(file)
		if err != nil {
			return err
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Println(listener.Addr())
	failed := make(chan error, 1)
	switch role {
	case roleDoor:
		config := firehose.Default()
		handler := firehose.NewHandler(config, nowhere{}, firehose.Events{})
		server, err := firehose.OpenServer(config, handler, os.Getenv(envDir))
		if err != nil {
			return err
		}
		go func() { failed <- server.Serve(listener) }()
	case roleDoorJSON:
		go func() { failed <- http.Serve(listener, jsonDoor{nowhere{}}) }()
	case roleSearch:
		go func() { failed <- http.Serve(listener, &search{}) }()
	case roleOurs, roleGeneric:
		var stop func() error
		if stop, err = serveDelivery(listener, role); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	default:
		return fmt.Errorf("serve: unknown role %q", role)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	select {
	case err := <-failed:
		return err
	case err := <-ended:
		return err
	}
}

// nowhere is streams that forget what they are given.
type nowhere struct{}

func (nowhere) Stream(string) (firehose.Stream, bool) { return nowhere{}, true }
func (nowhere) Names() []string                       { return []string{"bench"} }
func (nowhere) Active() bool                          { return true }
func (nowhere) Describe() firehose.Description        { return firehose.Description{} }
func (nowhere) Append(context.Context, *buffer.Entries) (buffer.Position, error) {
	return buffer.Position{Epoch: 1, Seq: 1}, nil
}
