package sample

import (
	"encoding/json"
	"testing"
	"time"
)

func TestClicksAreJSONAndRepeatable(t *testing.T) {
	now := time.Now()
	a, b := NewClicks(1), NewClicks(1)
	for range 1000 {
		got, again := a.Append(nil, now), b.Append(nil, now)
		if string(got) != string(again) {
			t.Fatalf("the same seed gave %s and %s", got, again)
		}
		var click struct {
			ID   int
			Time time.Time
			User string
		}
		if err := json.Unmarshal(got, &click); err != nil || click.ID == 0 || click.User == "" || click.Time.IsZero() {
			t.Fatalf("%s: %v %+v", got, err, click)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	c, b, now := NewClicks(1), make([]byte, 0, 1024), time.Now()
	if n := testing.AllocsPerRun(1000, func() { b = c.Append(b[:0], now) }); n > 0 {
		t.Errorf("Append allocates %v times", n)
	}
}
