//go:build race

package firehose

// sync.Pool forgets at random under the race detector.
const raceEnabled = true
