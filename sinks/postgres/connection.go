package postgres

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// Connection is how to reach a database. It may stand under connections and be
// named by several streams, or in the destination itself.
type Connection struct {
	DSN            string         `yaml:"dsn,omitempty" doc:"URL of the database, such as postgres://hydrant@db:5432/shop?sslmode=verify-full, or libpq's key=value form; without the password."`
	Password       field.Secret   `yaml:"password,omitempty" doc:"Left out: PGPASSWORD, then the password file, as psql does."`
	TLS            outbound.TLS   `yaml:"tls,omitempty" doc:"Certificates. Given, the server's is always checked, whatever sslmode says."`
	ConnectTimeout field.Duration `yaml:"connect_timeout" doc:"How long to wait for a connection."`
}

// DefaultConnection returns what an entry under connections starts from.
func DefaultConnection() *Connection {
	return &Connection{ConnectTimeout: field.Duration(10 * time.Second)}
}

const hintDSN = "write something like postgres://hydrant@db:5432/shop?sslmode=verify-full"

// password finds one in a DSN, where it would be shown to everybody who may see
// the configuration.
var password = regexp.MustCompile(`(?i)(^[a-z:]+//[^/@]*:[^/@]*@|(^|[\s?&])(ssl)?password\s*=)`)

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Connection) Validate() error {
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	if c.DSN == "" {
		add(field.Errorf("dsn", hintDSN, "is missing"))
	} else if password.MatchString(c.DSN) {
		add(field.Errorf("dsn", "write it as password: ${file:/run/secrets/pg_password}", "must not hold a password"))
	} else if _, err := pgconn.ParseConfig(c.dsn()); err != nil { // the text of err repeats the DSN
		add(field.Errorf("dsn", hintDSN, "is not the address of a database"))
	}
	if c.ConnectTimeout <= 0 {
		add(field.Errorf("connect_timeout", "10s is usual", "must be more than 0s"))
	}
	add(field.Under("tls", c.TLS.Validate()))
	return errors.Join(problems...)
}

// dsn returns the DSN without what JDBC, and so Firehose, puts before it.
func (c *Connection) dsn() string { return strings.TrimPrefix(c.DSN, "jdbc:") }

// config is what connections are made with.
func (c *Connection) config() (*pgconn.Config, error) {
	p, err := pgconn.ParseConfig(c.dsn())
	if err != nil {
		return nil, errors.New("read dsn: it is not the address of a database")
	}
	if !c.Password.Empty() {
		p.Password = c.Password.Reveal()
	}
	if c.TLS != (outbound.TLS{}) {
		if err := c.useTLS(p); err != nil {
			return nil, err
		}
	}
	p.ConnectTimeout = c.ConnectTimeout.Std()
	p.DialFunc = dial
	p.MaxProtocolMessageBodyLen = 64 << 20 // of answers: ours are short
	// All of these may be set through PgBouncer, too.
	p.RuntimeParams["client_encoding"] = "UTF8"
	if p.RuntimeParams["application_name"] == "" {
		p.RuntimeParams["application_name"] = "hydrant"
	}
	return p, nil
}

// useTLS makes the configured certificates those of all hosts in the DSN.
func (c *Connection) useTLS(p *pgconn.Config) error {
	t, err := c.TLS.Config()
	if err != nil {
		return err
	}
	for _, f := range p.Fallbacks {
		f.TLSConfig = t.Clone()
		if t.ServerName == "" {
			f.TLSConfig.ServerName = f.Host
		}
	}
	p.TLSConfig = t
	if t.ServerName == "" {
		p.TLSConfig.ServerName = p.Host
	}
	return nil
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "unix" {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return outbound.Dialer().DialContext(ctx, network, address)
}
