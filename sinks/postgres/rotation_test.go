package postgres

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// askPassword is a server that asks for a password, refuses it and hands it on.
func askPassword(l net.Listener, passwords chan<- string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		b := pgproto3.NewBackend(c, c)
		if _, err := b.ReceiveStartupMessage(); err == nil {
			b.Send(&pgproto3.AuthenticationCleartextPassword{})
			b.Flush()
			if err := b.SetAuthType(pgproto3.AuthTypeCleartextPassword); err == nil {
				if m, err := b.Receive(); err == nil {
					passwords <- m.(*pgproto3.PasswordMessage).Password
				}
			}
		}
		c.Close()
	}
}

// A password that is replaced in its file is used with the next connection.
func TestReplacedPasswordIsUsedWithTheNextConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	passwords := make(chan string, 1)
	go askPassword(l, passwords)

	path := filepath.Join(t.TempDir(), "password")
	c := DefaultConnection()
	c.DSN = "postgres://u@" + l.Addr().String() + "/db?sslmode=disable"
	c.Password = field.NewSecret("x")
	c.Password.Follow(path)
	p := newPool(c, 1)
	defer p.close()
	for _, want := range []string{"older", "new"} {
		if err := os.WriteFile(path, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := p.get(t.Context()); err == nil {
			t.Fatal("a server that refuses everybody has let us in")
		}
		if got := <-passwords; got != want {
			t.Errorf("the password is %q, want %q", got, want)
		}
	}
}
