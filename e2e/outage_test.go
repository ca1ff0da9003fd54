package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/testbed"
)

// calm is a load that a small machine carries beside everything else.
func calm(name string) testbed.Stream {
	return testbed.Stream{Name: name, Compression: "GZIP", Producers: 2, Batch: 100, Pause: 10 * time.Millisecond}
}

// state reports whether a stream is in a state.
func state(b *testbed.Bed, stream, want string) func() bool {
	return func() bool {
		m, err := b.Metrics()
		return err == nil && m[fmt.Sprintf("hydrant_stream_state{state=%q,stream=%q}", want, stream)] == 1
	}
}

func TestProducersDoNotNoticeAnOutageOfTheStorage(t *testing.T) {
	t.Parallel()
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), calm("raw"))
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.Produce()
	acked(t, b, 1000)

	b.Store.Stop()
	outage := lasting(t, "HYDRANT_E2E_OUTAGE", 30*time.Second)
	m, err := b.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	before := m.Stream("hydrant_ledger_delivered_records_total", "raw")
	time.Sleep(outage) // the load goes on; there is nothing to wait for
	if m, err = b.Metrics(); err != nil {
		t.Fatal(err)
	}
	if age := m.Stream("hydrant_delivery_freshness_seconds", "raw"); age < outage.Seconds()/2 {
		t.Errorf("freshness is %v s, %v into the outage: was there one?", age, outage)
	}
	b.Store.Start()
	acked(t, b, 1000)
	stop()
	settle(t, b)

	if m, err = b.Metrics(); err != nil {
		t.Fatal(err)
	}
	if m.Stream("hydrant_ledger_delivered_records_total", "raw") == before || m.Stream("hydrant_delivery_freshness_seconds", "raw") != 0 {
		t.Errorf("delivery did not recover")
	}
	if calls := b.Calls(); calls.Refused+calls.Lost > 0 {
		t.Errorf("producers noticed: %+v", calls)
	}
	if code := p.Stop(30 * time.Second); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.Log())
	}
}

func TestRefusedCredentialsHoldTheStreamUntilTheyAreMended(t *testing.T) {
	t.Parallel()
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), calm("raw"))
	secret := filepath.Join(b.Dir, "secret")
	write(t, secret, "not the secret")
	b.Configure("", b.WithKeys(b.Store.AccessKey, "${file:"+secret+"}"))
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.Produce()
	until(t, "the stream is held", 20*time.Second, state(b, "raw", "HELD"))
	acked(t, b, 500) // held streams accept

	write(t, secret, b.Store.SecretKey)
	p.Signal(reload)
	until(t, "the stream is active", 90*time.Second, state(b, "raw", "ACTIVE"))
	stop()
	settle(t, b)
	if calls := b.Calls(); calls.Refused+calls.Lost > 0 {
		t.Errorf("producers noticed: %+v", calls)
	}
}

func TestRotatedCredentialsAreReadAgainWithoutARestart(t *testing.T) {
	t.Parallel()
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), calm("raw"))
	shared := filepath.Join(b.Dir, "credentials")
	keys := func(secret string) {
		write(t, shared, fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", b.Store.AccessKey, secret))
	}
	keys("yesterday's secret")
	b.Configure("", b.WithKeys("", ""))
	p := b.Start("AWS_SHARED_CREDENTIALS_FILE="+shared, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")
	p.Ready(20 * time.Second)
	stop := b.Produce()
	until(t, "the stream is held", 20*time.Second, state(b, "raw", "HELD"))
	keys(b.Store.SecretKey)
	until(t, "the stream is active", 90*time.Second, state(b, "raw", "ACTIVE"))
	stop()
	settle(t, b)
}

func TestAMissingBucketHoldsTheStreamUntilItIsMade(t *testing.T) {
	t.Parallel()
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), calm("raw"))
	client := b.Store.Client()
	b.Bucket += "-later"
	b.Configure("", b.StreamsYAML(""))
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.Produce()
	until(t, "the stream is held", 20*time.Second, state(b, "raw", "HELD"))
	if err := client.MakeBucket(context.Background(), b.Bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the stream is active", 90*time.Second, state(b, "raw", "ACTIVE"))
	stop()
	settle(t, b)
	if calls := b.Calls(); calls.Refused+calls.Lost > 0 {
		t.Errorf("producers noticed: %+v", calls)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
