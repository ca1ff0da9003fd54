package elasticsearch

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// A secret that is replaced in its file is used with the next request.
func TestReplacedSecretIsUsedWithTheNextRequest(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer server.Close()
	for want, set := range map[string]func(*Connection, field.Secret){
		"Basic dTpuZXc=": func(c *Connection, s field.Secret) { c.Username, c.Password = "u", s },
		"APIKey new":     func(c *Connection, s field.Secret) { c.APIKey = s },
		"Bearer new":     func(c *Connection, s field.Secret) { c.ServiceToken = s },
	} {
		path := filepath.Join(t.TempDir(), "secret")
		secret := field.NewSecret("x")
		secret.Follow(path)
		c := &Connection{URLs: []string{server.URL}}
		set(c, secret)
		client, transport, err := c.open()
		if err != nil {
			t.Fatal(err)
		}
		defer transport.CloseIdleConnections()
		for _, text := range []string{"older", "new"} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Perform(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
		}
		if got != want {
			t.Errorf("Authorization: %s, want %s", got, want)
		}
	}
}
