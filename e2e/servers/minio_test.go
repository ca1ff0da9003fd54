package servers

import (
	"context"
	"testing"
)

// Also what builds the server on a fresh machine; see the Makefile.
func TestMinIOKeepsItsDataOverARestart(t *testing.T) {
	s := MinIO(t)
	s.Bucket("kept")
	s.Stop()
	if _, err := s.Client().BucketExists(context.Background(), "kept"); err == nil {
		t.Error("it answers after Stop")
	}
	s.Start()
	if ok, err := s.Client().BucketExists(context.Background(), "kept"); err != nil || !ok {
		t.Errorf("the bucket is gone: %v", err)
	}
}
