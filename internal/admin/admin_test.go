package admin

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, address string, o Options) *Server {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	o.Streams = func() []*stream.Stream { return nil }
	if o.Disk == nil {
		o.Disk = func() error { return nil }
	}
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "the metrics") })
	s, err := Listen(address, o)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Shutdown(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func ask(t *testing.T, s *Server, path, host, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+s.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestReadyMeansThatRecordsCanBeTaken(t *testing.T) {
	var disk error
	s := serve(t, "127.0.0.1:0", Options{Disk: func() error { return disk }})
	if code, _ := ask(t, s, "/readyz", "", ""); code != 503 {
		t.Errorf("before the start: %d", code)
	}
	s.SetReady(true)
	if code, text := ask(t, s, "/readyz", "", ""); code != 200 || text != "ready\n" {
		t.Errorf("started: %d %q", code, text)
	}
	disk = errors.New("buffer cannot write to its disk")
	if code, text := ask(t, s, "/readyz?verbose", "", ""); code != 503 || !strings.Contains(text, "[-] buffer: buffer cannot write to its disk\n") {
		t.Errorf("disk broken: %d %q", code, text)
	}
	if code, _ := ask(t, s, "/livez", "", ""); code != 200 {
		t.Errorf("livez: %d", code)
	}
}

func TestOnlyNamesOfThisMachineAreAnswered(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	for host, want := range map[string]int{
		"localhost": 200, "localhost:4574": 200, "127.0.0.1": 200, "[::1]:4574": 200, "[::1]": 200, "::1": 200,
		"evil.example": 421, "evil.example:4574": 421, "127.0.0.1.evil.example": 421, "192.168.1.1": 421,
	} {
		if code, _ := ask(t, s, "/metrics", host, ""); code != want {
			t.Errorf("Host %s: %d, want %d", host, code, want)
		}
	}
}

func TestAddressesForOthersNeedAToken(t *testing.T) {
	_, err := Listen("0.0.0.0:0", Options{})
	if err == nil || !strings.Contains(err.Error(), "set server.admin.token") {
		t.Fatalf("error: %v", err)
	}
	s := serve(t, "0.0.0.0:0", Options{Token: field.NewSecret("sesame")})
	for _, path := range []string{"/metrics", "/api/v1/streams"} {
		for token, want := range map[string]int{"": 401, "wrong": 401, "sesame": 200} {
			if code, text := ask(t, s, path, "", token); code != want || strings.Contains(text, "sesame") {
				t.Errorf("%s with token %q: %d %q, want %d", path, token, code, text, want)
			}
		}
	}
	if code, _ := ask(t, s, "/livez", "", ""); code != 200 {
		t.Error("health checks need no token")
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := serve(t, "127.0.0.1:0", Options{})
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/api/v1/nothing", "/metrics/"} {
		if code, _ := ask(t, s, path, "", ""); code != 404 {
			t.Errorf("%s: %d, want 404", path, code)
		}
	}
	resp, err := http.Post("http://"+s.Addr().String()+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}
