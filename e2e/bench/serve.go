package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

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
	case roleOurs, roleGeneric:
		stop, err := serveDelivery(listener, role)
		if err != nil {
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

// jsonDoor is PutRecordBatch as one writes it with the standard library.
type jsonDoor struct{ stream buffer.Appender }

type jsonRequest struct {
	DeliveryStreamName string
	Records            []struct{ Data []byte }
}

type jsonAnswer struct {
	Encrypted        bool
	FailedPutCount   int
	RequestResponses []jsonStored
}

type jsonStored struct{ RecordId string }

func (d jsonDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request jsonRequest
	// Faster than a json.Decoder on the body.
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var e buffer.Entries
	for i := range request.Records {
		e.Add(request.Records[i].Data)
	}
	first, err := d.stream.Append(r.Context(), &e)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer := jsonAnswer{RequestResponses: make([]jsonStored, len(request.Records))}
	for i := range answer.RequestResponses {
		first.Seq++
		answer.RequestResponses[i].RecordId = first.String()
	}
	text, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text) // an error means that the client left
}

// What a child is told.
const (
	envDir     = "HYDRANT_BENCH_DIR"     // a folder it may use
	envProfile = "HYDRANT_BENCH_PROFILE" // where to write a CPU profile, if anywhere
)

// server is a child process with a server.
type server struct {
	cmd     *exec.Cmd
	stdin   io.Closer // nil if it is not this program
	ended   chan struct{}
	address string
	admin   string // address of the program's port for operators
	// buffered returns the number of records on their way; nil if none are kept.
	buffered func(context.Context) (int64, error)
}

// startServer runs this program in a role.
func startServer(s settings, role string, env ...string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	dir, err := os.MkdirTemp(s.dir, role+"-")
	if err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	cmd := exec.Command(self, "serve", role)
	cmd.Env = append(os.Environ(), append(env, envDir+"="+dir)...)
	if s.profile != "" && (role == roleDoor || role == roleOurs) {
		cmd.Env = append(cmd.Env, envProfile+"="+filepath.Join(s.profile, filepath.Base(dir)+".prof"))
	}
	cmd.Stderr = os.Stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	line := make([]byte, 64)
	n, err := stdout.Read(line) // the address comes in one write
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start server: %w", err), cmd.Wait())
	}
	srv := &server{cmd: cmd, stdin: stdin, address: strings.TrimSpace(string(line[:n]))}
	srv.follow()
	return srv, nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends a child. Its figures have been read by then.
func (s *server) stop() {
	if s.stdin != nil {
		s.stdin.Close() // it ends by itself
	} else {
		s.cmd.Process.Kill() // a server of records must bear it; an error means it has ended
	}
	<-s.ended
}

// follow waits for the end of the process.
func (s *server) follow() {
	s.ended = make(chan struct{})
	go func() {
		s.cmd.Wait() // an error says how it ended, as does the ProcessState
		close(s.ended)
	}()
}

// empty waits until all records are delivered.
func (s *server) empty(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); ; {
		n, err := s.buffered(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		if time.Since(begun) > 2*time.Minute {
			return fmt.Errorf("wait for delivery: %d records are still buffered", n)
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("wait for delivery: the server ended with %s", s.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func getJSON(ctx context.Context, url string, v any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", url, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(v)
}
