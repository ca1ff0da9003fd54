package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
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
