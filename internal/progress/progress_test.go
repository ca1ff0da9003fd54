package progress

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressIsALineEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), 35*time.Second)
		defer cancel()
		(&Display{Out: &b, Name: "clicks"}).Run(ctx, func(took time.Duration) Status { return Status{Text: took.String()} })
		if want := "clicks  10s\nclicks  20s\nclicks  30s\n"; b.String() != want {
			t.Errorf("got  %q\nwant %q", b.String(), want)
		}
	})
}

func TestTheBarIsDrawnAgain(t *testing.T) {
	var b strings.Builder
	d := Display{Out: &b, Name: "clicks"}
	d.show(Status{Text: "50 records"}.ShareOf(50, 200))
	d.Terminal = true
	d.show(Status{Text: "200 records"}.ShareOf(200, 200))
	d.show(Status{Text: "200 records"}.ShareOf(200, 0))
	want := "clicks   25.0%  50 records\n" +
		"\r\x1b[Kclicks  " + strings.Repeat("█", 30) + " 100.0%  200 records" +
		"\r\x1b[Kclicks  200 records"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.0KiB", 4403: "4.3KiB", 3 << 20: "3.0MiB", 5 << 40: "5.0TiB", 5 << 50: "5120.0TiB"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %s, want %s", n, got, want)
		}
	}
	if one, two := Counted(1, "retry", "retries"), Counted(2, "retry", "retries"); one != "1 retry" || two != "2 retries" {
		t.Errorf("got %s and %s", one, two)
	}
}
