package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/sinks"
)

// Session is a connection to a server that speaks PostgreSQL's protocol, for
// destinations that are no PostgreSQL. It sends one statement at a time, as
// text. One goroutine uses it.
type Session struct{ conn *conn }

// Connect makes a session, which its caller closes. It reads the certificates
// anew.
func (c *Connection) Connect(ctx context.Context) (*Session, error) {
	config, err := c.config()
	if err != nil {
		return nil, err
	}
	p, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &Session{&conn{PgConn: p}}, nil
}

// Exec runs one statement. An error of the server is a *pgconn.PgError.
func (s *Session) Exec(ctx context.Context, sql string) (*pgconn.Result, error) {
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) != 1 {
		return nil, errors.New("the server did not answer one statement with one result")
	}
	return results[0], nil
}

// Close ends the session, and rolls back what it did not commit.
func (s *Session) Close() { s.conn.end() }

// TransportError says what an error means that is not the server's answer.
func TransportError(err error) (kind sinks.Kind, reason, hint string) { return transportError(err) }

// Table is the name of a table.
type Table struct{ relation }

// ParseTable reads table or schema.table. Names are taken as they are written;
// one with a dot or a quote stands in double quotes.
func ParseTable(text string) (Table, error) {
	r, err := parseRelation(text)
	return Table{r}, err
}

// SQL returns the name as it stands in a statement.
func (t Table) SQL() string { return t.sql() }

// Beside returns the table in the same schema whose name is longer by suffix.
func (t Table) Beside(suffix string) Table {
	return Table{relation{t.schema, t.name + suffix}}
}

// Columns returns names as they stand in a statement. An error is about a name
// that no column can have.
func Columns(names []string) (string, error) {
	if err := checkColumns("", names); err != nil {
		return "", err
	}
	return quoteAll(names), nil
}
