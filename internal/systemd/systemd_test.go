package systemd

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listen stands in for the service manager.
func listen(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "n") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	name := filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Skipf("no unix datagram sockets here: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return conn
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 256)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatalf("service manager: %v", err)
	}
	return string(b[:n])
}

func TestNotifyReachesTheServiceManager(t *testing.T) {
	conn := listen(t)
	if err := Notify(Ready); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, conn); got != Ready {
		t.Errorf("got %q, want %q", got, Ready)
	}
	if err := Notify(Reloading()); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, conn); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("got %q", got)
	}
}

func TestNotifyWithoutServiceManagerDoesNothing(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify(Ready); err != nil {
		t.Error(err)
	}
}

func TestWatchdogGoesOnWhileAlive(t *testing.T) {
	conn := listen(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Watchdog(ctx, func() bool { return true }) }()
	for range 3 {
		if got := receive(t, conn); got != watchdog {
			t.Errorf("got %q, want %q", got, watchdog)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchdogIsOnlyForUs(t *testing.T) {
	for _, tt := range []struct {
		micros, owner string
		want          time.Duration
	}{
		{"30000000", "", 30 * time.Second},
		{"30000000", "7", 30 * time.Second},
		{"30000000", "8", 0},
		{"", "", 0},
		{"0", "", 0},
		{"soon", "", 0},
	} {
		if got := watchdogInterval(tt.micros, tt.owner, 7); got != tt.want {
			t.Errorf("watchdogInterval(%q, %q) = %v, want %v", tt.micros, tt.owner, got, tt.want)
		}
	}
}
