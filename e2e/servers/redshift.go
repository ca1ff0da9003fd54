package servers

import (
	"fmt"
	"net"
	"regexp"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/minio/minio-go/v7"
)

// RedshiftServer stands in for Amazon Redshift, which nobody can run: a
// PostgreSQL behind a server that knows Redshift's COPY and refuses what
// Redshift does not have. Transactions are as weak as Redshift's can be: they see
// what was committed before their BEGIN, and nothing else tells them apart.
type RedshiftServer struct {
	Postgres *PostgresServer
	Address  string // 127.0.0.1:port
	Role     string // the only one that may read the bucket
	Password string // that clients have to say; "" for none

	t       testing.TB
	objects *minio.Client
	running sync.WaitGroup
	mu      sync.Mutex
	listen  net.Listener // nil while it is stopped
	conns   map[net.Conn]bool
}

// Redshift starts a server of its own for the test, which loads from a MinIO.
func Redshift(t testing.TB, objects *MinIOServer) *RedshiftServer {
	t.Helper()
	s := &RedshiftServer{
		Postgres: Postgres(t, "default_transaction_isolation=repeatable read"), Role: "arn:aws:iam::000000000000:role/loader",
		t: t, objects: objects.Client(), conns: map[net.Conn]bool{},
	}
	// What Redshift brings along, for all databases that are made from now on.
	s.Postgres.Exec(t, "template1", `CREATE TABLE sys_load_error_detail (file_name text, line_number bigint, column_name text, error_message text, start_time timestamp DEFAULT now());
		GRANT SELECT ON sys_load_error_detail TO public;
		CREATE FUNCTION pg_last_copy_count() RETURNS int LANGUAGE sql AS $$SELECT current_setting('redshift.copied')::int$$`)
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// DSN is that of a database, which Postgres.Database made.
func (s *RedshiftServer) DSN(database string) string {
	return (&PostgresServer{Address: s.Address}).DSN(database)
}

// Options are those of a COPY that may read the bucket.
func (s *RedshiftServer) Options(format string) string { return format + " IAM_ROLE '" + s.Role + "'" }

// Start listens, after Stop at the same address.
func (s *RedshiftServer) Start() {
	s.t.Helper()
	address := s.Address
	if address == "" {
		address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.listen, s.Address = l, l.Addr().String()
	s.mu.Unlock()
	s.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.running.Go(func() { s.serve(c) })
		}
	})
}

// Stop cuts all connections. It may be called more than once.
func (s *RedshiftServer) Stop() {
	s.mu.Lock()
	if s.listen != nil {
		s.listen.Close()
		s.listen = nil
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *RedshiftServer) keep(c net.Conn) (forget func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
	if s.listen == nil {
		c.Close()
	}
	return func() {
		c.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}
}

// redshiftSession is a client and its PostgreSQL.
type redshiftSession struct {
	server   *RedshiftServer
	client   *pgproto3.Backend
	behind   *pgproto3.Frontend
	database string
	status   byte // of the transaction
}

func (s *RedshiftServer) serve(client net.Conn) {
	defer s.keep(client)()
	server, err := net.Dial("tcp", s.Postgres.Address)
	if err != nil {
		return
	}
	defer s.keep(server)()
	c := &redshiftSession{server: s, client: pgproto3.NewBackend(client, client), behind: pgproto3.NewFrontend(server, server)}
	if err := c.start(); err != nil {
		return
	}
	for {
		m, err := c.client.Receive()
		if err != nil {
			return
		}
		if q, ok := m.(*pgproto3.Query); ok {
			err = c.query(q.String)
		} else {
			err = c.extended(m)
		}
		if err != nil {
			return
		}
	}
}

// extended passes a message of the extended protocol on.
func (c *redshiftSession) extended(m pgproto3.FrontendMessage) error {
	c.behind.Send(m)
	if _, last := m.(*pgproto3.Sync); !last {
		return c.behind.Flush()
	}
	if err := c.behind.Flush(); err != nil {
		return err
	}
	return c.relay()
}

// start logs the client in.
func (c *redshiftSession) start() error {
	m, err := c.client.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	start, ok := m.(*pgproto3.StartupMessage)
	if !ok { // to cancel a statement: a client that is gone is seen by its connection, too
		return fmt.Errorf("%T is not answered", m)
	}
	if c.server.Password != "" {
		c.client.Send(&pgproto3.AuthenticationCleartextPassword{})
		if err := c.client.Flush(); err != nil {
			return err
		}
		if err := c.client.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
			return err
		}
		m, err := c.client.Receive()
		if err != nil {
			return err
		}
		if p, ok := m.(*pgproto3.PasswordMessage); !ok || p.Password != c.server.Password {
			c.client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: `password authentication failed for user "` + start.Parameters["user"] + `"`})
			return c.client.Flush()
		}
	}
	c.database = start.Parameters["database"]
	c.behind.Send(start)
	if err := c.behind.Flush(); err != nil {
		return err
	}
	return c.relay()
}

// relay passes answers on until the server is ready for a query.
func (c *redshiftSession) relay() error {
	for {
		m, err := c.behind.Receive()
		if err != nil {
			return err
		}
		c.client.Send(m)
		if ready, ok := m.(*pgproto3.ReadyForQuery); ok {
			c.status = ready.TxStatus
			return c.client.Flush()
		}
	}
}

// absent is what Redshift does not have.
var absent = regexp.MustCompile(`(?i)\b(ON CONFLICT|SAVEPOINT|RETURNING|FOR UPDATE|to_regclass|COPY .* FROM STDIN)\b`)

func (c *redshiftSession) query(sql string) error {
	if m := copyStatement.FindStringSubmatch(sql); m != nil {
		if err := c.copy(newS3Copy(m)); err != nil {
			return c.pass(raise(err))
		}
		c.client.Send(&pgproto3.CommandComplete{CommandTag: []byte("COPY")})
		c.client.Send(&pgproto3.ReadyForQuery{TxStatus: c.status})
		return c.client.Flush()
	}
	if what := absent.FindString(sql); what != "" {
		return c.pass("Redshift has no " + what) // a syntax error
	}
	if sql == "BEGIN" {
		return c.begin()
	}
	return c.pass(sql)
}

// begin has the transaction see nothing that is committed from now on.
func (c *redshiftSession) begin() error {
	if err := c.run("BEGIN"); err != nil {
		return err
	}
	return c.pass("SELECT 1")
}

// pass has the server behind answer the client.
func (c *redshiftSession) pass(sql string) error {
	c.behind.Send(&pgproto3.Query{String: sql})
	if err := c.behind.Flush(); err != nil {
		return err
	}
	return c.relay()
}

// run runs a statement behind the client's back.
func (c *redshiftSession) run(sql string) error {
	c.behind.Send(&pgproto3.Query{String: sql})
	if err := c.behind.Flush(); err != nil {
		return err
	}
	var refused error
	for {
		m, err := c.behind.Receive()
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			refused = &redshiftError{code: m.Code, message: m.Message, column: m.ColumnName}
		case *pgproto3.ReadyForQuery:
			c.status = m.TxStatus
			return refused
		}
	}
}
