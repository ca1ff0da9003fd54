package firehose

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hydrant-dev/hydrant/buffer"
)

// benchServer, in the environment, makes the test binary a server, so that
// the CPU time of the server can be told from that of its clients.
const benchServer = "FIREHOSE_BENCH_SERVER"

// serveBenchmark serves until standard input ends.
func serveBenchmark(kind string) {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	folder, err := os.MkdirTemp("", "firehose-bench")
	check(err)
	defer os.RemoveAll(folder)
	c := Default()
	if strings.HasSuffix(kind, "-signed") {
		c = keyed("*")
	}
	streams := &discardStreams{}
	s, err := OpenServer(c, NewHandler(c, streams, Events{}), folder)
	check(err)
	if kind == "encoding-json" {
		s.handler = plainHandler{streams}
	}
	l, err := Listen("127.0.0.1:0")
	check(err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	fmt.Println(l.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	check(err)
	check(s.Shutdown(context.Background()))
	check(<-done)
}

// plainHandler is PutRecordBatch as it is usually written.
type plainHandler struct{ streams Streams }

func (h plainHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	var request struct {
		DeliveryStreamName string
		Records            []struct{ Data []byte }
	}
	if err := json.Unmarshal(body, &request); err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	var e buffer.Entries
	for _, record := range request.Records {
		e.Add(record.Data)
	}
	stream, _ := h.streams.Stream(request.DeliveryStreamName)
	at, err := stream.Append(r.Context(), &e)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	type result struct{ RecordId string }
	answer := struct {
		FailedPutCount   int
		Encrypted        bool
		RequestResponses []result
	}{RequestResponses: make([]result, e.Len())}
	for i := range answer.RequestResponses {
		answer.RequestResponses[i].RecordId = string(appendRecordID(nil, at))
		at.Seq++
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Requestid", requestID())
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		return
	}
}

// BenchmarkServer measures records per CPU second of the whole server, in a
// process of its own, over loopback connections.
func BenchmarkServer(b *testing.B) {
	for _, records := range []int{500, 20, 1} {
		for _, kind := range []string{"scanner", "encoding-json", "scanner-signed"} {
			b.Run(fmt.Sprintf("%dx1KB/%s", records, kind), func(b *testing.B) { benchmarkServer(b, kind, records) })
		}
	}
}

func benchmarkServer(b *testing.B, kind string, records int) {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), benchServer+"="+kind)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	address = strings.TrimSpace(address)

	s := good()
	s.operation, s.body = "PutRecordBatch", string(batchBody(records, 1000))
	r := s.sign(b)
	request := fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: localhost:4573\r\nContent-Type: application/x-amz-json-1.1\r\n"+
		"X-Amz-Target: %s\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\nUser-Agent: aws-sdk-go-v2/1.47.6\r\nAccept-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s",
		r.Header.Get("X-Amz-Target"), r.Header.Get("X-Amz-Date"), r.Header.Get("Authorization"), len(s.body), s.body)

	b.ResetTimer()
	const clients = 8
	var wg sync.WaitGroup
	for i := range clients {
		n := b.N / clients
		if i < b.N%clients {
			n++
		}
		wg.Go(func() {
			if err := ask(address, request, n); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	stdin.Close()
	if err := command.Wait(); err != nil {
		b.Fatal(err)
	}
	cpu := command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	b.ReportMetric(float64(b.N*records)/cpu.Seconds(), "records/CPU-s")
	b.ReportMetric(float64(cpu.Nanoseconds())/1e3/float64(b.N), "µs-CPU/request")
}

// ask sends the same request n times over one connection.
func ask(address string, request []byte, n int) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 64<<10)
	for range n {
		if _, err := c.Write(request); err != nil {
			return err
		}
		length := -1
		for first := true; ; first = false {
			line, err := in.ReadString('\n')
			if err != nil {
				return err
			}
			if first && !strings.HasPrefix(line, "HTTP/1.1 200") {
				return fmt.Errorf("answer %s", line)
			}
			if line == "\r\n" {
				break
			}
			if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				if length, err = strconv.Atoi(strings.TrimSpace(v)); err != nil {
					return err
				}
			}
		}
		if length < 0 { // chunked, from the plain handler
			if err := discardChunks(in); err != nil {
				return err
			}
		} else if _, err := in.Discard(length); err != nil {
			return err
		}
	}
	return nil
}

func discardChunks(in *bufio.Reader) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 32)
		if err != nil {
			return err
		}
		if _, err := in.Discard(int(size) + 2); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}
