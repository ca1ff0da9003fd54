package convert_test

import "runtime/metrics"

// inUse returns the bytes of live and not yet swept objects.
func inUse() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
