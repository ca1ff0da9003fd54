package servers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// PgBouncer stands before a server for the length of a test, which is skipped
// where there is none, and returns its address. Mode is its pool_mode.
func (s *PostgresServer) PgBouncer(t testing.TB, mode string) string {
	t.Helper()
	binary, err := exec.LookPath("pgbouncer")
	if err != nil {
		if binary, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			t.Skip("SKIPPED, NOT TESTED: there is no PgBouncer on this machine")
		}
	}
	address, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(address)
	serverHost, serverPort, _ := net.SplitHostPort(s.Address)
	dir := filepath.Join(s.Dir, "pgbouncer-"+port) // where the server's user may look
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ini := filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n* = host=%s port=%s user=postgres\n[pgbouncer]\nlisten_addr = %s\nlisten_port = %s\nunix_socket_dir =\nauth_type = any\npool_mode = %s\n",
		serverHost, serverPort, host, port, mode)
	if err := os.WriteFile(ini, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, ini)
	s.own(cmd)
	cmd.Env = os.Environ()
	p, err := start(cmd, filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return address
		}
		if time.Now().After(end) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("start PgBouncer: %v\n%s", err, log)
		}
	}
}
