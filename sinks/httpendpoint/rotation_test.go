package httpendpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

// A key that is replaced in its file is used with the next request, and is as
// secret as the one before.
func TestReplacedKeyIsUsedWithTheNextRequest(t *testing.T) {
	e := newEndpoint(t)
	c := e.config()
	path := filepath.Join(t.TempDir(), "key")
	replace := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace("canary-of-another-key")
	c.AccessKey = field.NewSecret("x")
	c.AccessKey.Follow(path)
	s, _ := open(t, c)
	p := seal(t, s, sinktest.Chunk("one"))
	if err := sinks.AsError(s.Send(t.Context(), &p[0])); err.Kind != sinks.Permanent {
		t.Errorf("Send with a wrong key = %v (%v)", err, err.Kind)
	}
	e.Misbehave(sinktest.Fault{Status: 500, Body: "what is canary-of-another-key?"})
	if err := s.Send(t.Context(), &p[0]); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("Send = %v", err)
	}
	replace(secret)
	if err := s.Send(t.Context(), &p[0]); err != nil {
		t.Errorf("Send with the key that was replaced = %v", err)
	}
}

func TestPrivateAddressesAreRefusedIfThatIsAskedFor(t *testing.T) {
	e := newEndpoint(t)
	c := e.config()
	c.Addresses.RefusePrivate = true
	s, _ := open(t, c)
	p := seal(t, s, sinktest.Chunk("one"))
	if err := sinks.AsError(s.Send(t.Context(), &p[0])); err.Kind != sinks.Permanent || !strings.Contains(err.Error(), "it is private") || !strings.Contains(err.Hint, "addresses.allow") {
		t.Errorf("Send = %v (%v)", err, err.Kind)
	}
	if rows := e.Rows(t); len(rows) > 0 {
		t.Errorf("rows %q", rows)
	}
	var home outbound.Range
	if err := home.UnmarshalText([]byte("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	c.Addresses.Allow = []outbound.Range{home}
	s, _ = open(t, c)
	if err := s.Send(t.Context(), &p[0]); err != nil {
		t.Errorf("Send to an allowed address = %v", err)
	}
}
