package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
	"github.com/hydrant-dev/hydrant/e2e/servers"
	"github.com/hydrant-dev/hydrant/e2e/testbed"
)

func TestMain(m *testing.M) {
	code := m.Run()
	hydrant.Clean()
	servers.StopShared()
	os.Exit(code)
}

// lasting returns how long a disturbance lasts: as long as the environment
// says, else the given time, or a fraction of it in a short run.
func lasting(t *testing.T, env string, normal time.Duration) time.Duration {
	t.Helper()
	if text := os.Getenv(env); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("%s: %v", env, err)
		}
		return d
	}
	if testing.Short() {
		return normal / 10
	}
	return normal
}

// settle waits until all is delivered and expects that every promise was kept.
func settle(t *testing.T, b *testbed.Bed) {
	t.Helper()
	if err := b.Quiesce(90 * time.Second); err != nil {
		t.Fatal(err)
	}
	expectNone(t, b.Judge())
}

func expectNone(t *testing.T, found []oracle.Violation) {
	t.Helper()
	for i, v := range found {
		if i == 30 {
			t.Fatalf("and %d more", len(found)-i)
		}
		t.Error(v)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, patience time.Duration, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain for: %s", patience, what)
		}
	}
}

// acked waits until the producers have so many more records acknowledged.
func acked(t *testing.T, b *testbed.Bed, more int) {
	t.Helper()
	want := b.Calls().Acked + more
	until(t, "acknowledged records", time.Minute, func() bool { return b.Calls().Acked >= want })
}
