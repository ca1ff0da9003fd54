package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// PostgresServer is a PostgreSQL that runs. Everybody who reaches it is the
// user postgres, who has all rights.
type PostgresServer struct {
	Address string // 127.0.0.1:port
	Dir     string // the data directory

	t        testing.TB
	binary   string
	settings []string
	owner    *syscall.Credential // nil: whoever runs the test
	mu       sync.Mutex
	process  *process // nil while it is stopped
	names    int
}

// Postgres starts a server of its own for the test, and ends it with it.
// Settings are "name=value".
func Postgres(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	s, err := StartPostgres(settings...)
	if errors.Is(err, ErrNoPostgres) {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.t = t
	t.Cleanup(s.End)
	return s
}

// StartPostgres starts a server that its caller ends.
func StartPostgres(settings ...string) (*PostgresServer, error) {
	s := &PostgresServer{settings: settings}
	if err := s.create(); err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		var err error
		if s.Address, err = freePort(); err != nil {
			s.End()
			return nil, fmt.Errorf("find a port: %w", err)
		}
		if err = s.run(); err == nil {
			return s, nil
		}
		if attempt == 3 {
			s.End()
			return nil, fmt.Errorf("start postgres: %w", err)
		}
	}
}

// ErrNoPostgres says that there is none to be started.
var ErrNoPostgres = errors.New("there is no PostgreSQL on this machine: install its server, 13 or newer")

// postgresBinary looks where distributions keep the programs of the server.
func postgresBinary(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return "", ErrNoPostgres
	}
	slices.Sort(found)
	return found[len(found)-1], nil
}

// create makes the data directory. The server refuses to run as root: then it
// runs as the user postgres.
func (s *PostgresServer) create() (err error) {
	if s.binary, err = postgresBinary("postgres"); err != nil {
		return err
	}
	initdb, err := postgresBinary("initdb")
	if err != nil {
		return err
	}
	if s.Dir, err = os.MkdirTemp("", "hydrant-postgres-"); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	if os.Geteuid() == 0 {
		if err := s.giveTo("postgres"); err != nil {
			s.End()
			return err
		}
	}
	cmd := exec.Command(initdb, "-D", filepath.Join(s.Dir, "data"), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	s.own(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.End()
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *PostgresServer) giveTo(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("%w, and a user %s: %w", ErrNoPostgres, name, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	s.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.Dir, uid, gid)
}

func (s *PostgresServer) own(cmd *exec.Cmd) {
	cmd.Dir = s.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + s.Dir}
	if s.owner != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	}
}

func (s *PostgresServer) run() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return err
	}
	args := []string{"-D", filepath.Join(s.Dir, "data")}
	for _, setting := range append([]string{"listen_addresses=" + host, "port=" + port, "unix_socket_directories=",
		"fsync=off", "max_connections=60"}, s.settings...) {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(s.binary, args...)
	s.own(cmd)
	log := s.Dir + ".log"
	p, err := start(cmd, log)
	if err != nil {
		return err
	}
	if err := s.answers(p); err != nil {
		s.end(p)
		text, _ := os.ReadFile(log)
		return fmt.Errorf("%w\n%s", err, text)
	}
	s.process = p
	return nil
}

// answers waits until the server takes connections.
func (s *PostgresServer) answers(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgconn.Connect(ctx, s.DSN("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-p.exited:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// Start starts the server again after Stop, at the same address.
func (s *PostgresServer) Start() {
	s.t.Helper()
	if err := s.run(); err != nil {
		s.t.Fatalf("start postgres: %v", err)
	}
}

// Stop ends the server as a crash does: it recovers when it starts again. It
// may be called more than once.
func (s *PostgresServer) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.end(s.process)
		s.process = nil
	}
}

// end has the server end all its processes at once.
func (s *PostgresServer) end(p *process) {
	p.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		p.kill()
	}
}

// End stops the server and removes its data.
func (s *PostgresServer) End() {
	s.Stop()
	os.RemoveAll(s.Dir)
	os.Remove(s.Dir + ".log")
}

// Log returns what the server has written.
func (s *PostgresServer) Log() string {
	text, _ := os.ReadFile(s.Dir + ".log")
	return string(text)
}

// Program is the path of a program that came with the server, such as psql.
func (s *PostgresServer) Program(name string) string {
	binary, err := filepath.EvalSymlinks(s.binary)
	if err != nil {
		binary = s.binary
	}
	return filepath.Join(filepath.Dir(binary), name)
}

// DSN is that of a database.
func (s *PostgresServer) DSN(database string) string {
	return "postgres://postgres@" + s.Address + "/" + database + "?sslmode=disable"
}

// Database makes a database for a test and returns its name.
func (s *PostgresServer) Database(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	s.names++
	name := fmt.Sprintf("test%d", s.names)
	s.mu.Unlock()
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	return name
}

// Exec runs statements in a database and returns the rows of the last, as text.
func (s *PostgresServer) Exec(t testing.TB, database, sql string) [][]string {
	t.Helper()
	results, err := s.exec(database, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var rows [][]string
	for _, r := range results[len(results)-1].Rows {
		row := make([]string, len(r))
		for i := range r {
			row[i] = string(r[i])
		}
		rows = append(rows, row)
	}
	return rows
}

// Run runs statements in a database.
func (s *PostgresServer) Run(database, sql string) error {
	_, err := s.exec(database, sql)
	return err
}

func (s *PostgresServer) exec(database, sql string) ([]*pgconn.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c, err := pgconn.Connect(ctx, s.DSN(database))
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	return c.Exec(ctx, sql).ReadAll()
}
