package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs"
)

// TestParquetExampleDelivers runs the example as it is shown, with a folder in
// the place of the bucket.
func TestParquetExampleDelivers(t *testing.T) {
	lake := t.TempDir()
	config, problems := configs.Load([]string{filepath.Join("..", "..", "configs", "s3-parquet.yaml")}, func(name string) (string, bool) {
		v, ok := map[string]string{"S3_BUCKET": "file://" + lake, "HYDRANT_DATA": t.TempDir(), "S3_ACCESS_KEY_ID": "x", "S3_SECRET_ACCESS_KEY": "x"}[name]
		return v, ok
	})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), config, Options{Log: slog.New(slog.DiscardHandler), Env: os.LookupEnv, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	defer func() {
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	}()
	var e buffer.Entries
	e.Add([]byte(`{"event_id":"e1","ts":1763884800000,"amount":"12.345","items":[{"sku":"a","qty":1}],"unknown":1}`))
	e.Add([]byte(`{"event_id":null}`)) // it is required
	if _, err := s.Streams()[0].Append(ctx, &e); err != nil {
		t.Fatal(err)
	}
	if err := s.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if l := s.Streams()[0].Status().Ledger; l.Delivered.Records != 1 || l.Failed.Records != 1 {
		t.Errorf("ledger %+v", l)
	}
	if held := s.memory.Held(); held != 0 {
		t.Errorf("%d bytes of memory held by nobody", held)
	}
	names, err := filepath.Glob(filepath.Join(lake, "clicks", "dt=*", "*.parquet"))
	if err != nil || len(names) != 1 {
		t.Fatalf("objects %v, %v", names, err)
	}
	type row struct {
		EventID string  `parquet:"event_id"`
		Page    *string `parquet:"page,optional"`
	}
	rows, err := parquet.ReadFile[row](names[0])
	if err != nil || len(rows) != 1 || rows[0].EventID != "e1" || rows[0].Page != nil {
		t.Errorf("rows %+v, %v", rows, err)
	}
}
