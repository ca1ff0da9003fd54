package logs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/stream"
)

func TestOutsideTextCannotForgeALineOrSteerTheTerminal(t *testing.T) {
	for _, evil := range []string{
		"a\n14:00:00 ERROR forged", "a\r\nb", "\x1b[2J", "\x7f", "\u009b31m", "\u202egnp.exe", "\x00", "\xff\xfe",
	} {
		for _, format := range []string{Text, JSON} {
			var b strings.Builder
			log := New(&b, Options{Format: format, Level: slog.LevelDebug, Terminal: true})
			log.With("stream", evil).WithGroup("g").Error(evil, "text", evil, "err", errors.New(evil), evil, 1)
			line, ok := strings.CutSuffix(b.String(), "\n")
			if !ok {
				t.Fatalf("%s: no line for %q", format, evil)
			}
			for _, r := range line {
				if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u202e' {
					t.Errorf("%s: %q lets %U through: %q", format, evil, r, line)
				}
			}
		}
	}
}

func TestTextLine(t *testing.T) {
	var b strings.Builder
	log := New(&b, Options{Format: Auto, Terminal: true})
	log.Debug("not shown")
	log.With("stream", "clicks").WithGroup("s3").Warn("delivery is failing", "reason", "put object: timeout", "tries", 3, "empty", "")
	_, rest, _ := strings.Cut(b.String(), " ")
	const want = `WARN  delivery is failing  stream=clicks  s3.reason="put object: timeout"  s3.tries=3  s3.empty=""` + "\n"
	if rest != want {
		t.Errorf("got  %q\nwant %q", rest, want)
	}
}

func TestAutoMeansJSONUnlessOnATerminal(t *testing.T) {
	var b strings.Builder
	New(&b, Options{Format: Auto}).Info("hello")
	if !strings.HasPrefix(b.String(), "{") {
		t.Errorf("got %q, want JSON", b.String())
	}
}

// lines runs f in virtual time and returns what was logged, without times.
func lines(t *testing.T, level slog.Level, f func(e stream.Events)) []string {
	t.Helper()
	var b strings.Builder
	synctest.Test(t, func(t *testing.T) {
		log := New(&b, Options{Format: Text, Level: level})
		f(NewStreams(log, slog.LevelDebug).Events())
	})
	var got []string
	for line := range strings.Lines(b.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		got = append(got, line)
	}
	return got
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func try(n int) stream.Retry {
	return stream.Retry{
		Payload: &sinks.Payload{Name: "a"}, Attempt: n,
		Err: &sinks.Error{Op: "put object", Reason: "timeout", Err: errors.New("timeout")},
	}
}

func TestAnOutageIsALineAtEachChangeNotAtEachTry(t *testing.T) {
	got := lines(t, slog.LevelInfo, func(e stream.Events) {
		e.State("clicks", stream.Active, "put object: timeout")
		for n := range 58 { // ten seconds apart
			e.Retry("clicks", try(n+1))
			time.Sleep(10 * time.Second)
		}
		e.State("clicks", stream.Active, "")
	})
	equal(t, got,
		`WARN  delivery is failing  stream=clicks  reason="put object: timeout"`,
		`WARN  delivery is still failing after 5m00s, 31 failed tries  stream=clicks  reason="put object: timeout"`,
		`INFO  delivery recovered after 9m40s, 58 failed tries  stream=clicks`)
}

func TestAFlappingDestinationDoesNotFloodTheLog(t *testing.T) {
	got := lines(t, slog.LevelInfo, func(e stream.Events) {
		for range 100 {
			e.State("clicks", stream.Active, "put object: timeout")
			e.Retry("clicks", try(1))
			time.Sleep(time.Second)
			e.State("clicks", stream.Active, "")
			time.Sleep(time.Second)
		}
	})
	equal(t, got,
		`WARN  delivery is failing  stream=clicks  reason="put object: timeout"`,
		`INFO  delivery recovered after 1s, 1 failed try  stream=clicks`)
}

func TestRestartsAreAllSaidWithTheirCause(t *testing.T) {
	got := lines(t, slog.LevelInfo, func(e stream.Events) {
		e.State("a", stream.Active, "bulk: timeout")
		e.Restart("a", errors.New("write manifest: disk is full"), 250*time.Millisecond)
		e.Restart("a", errors.New("write manifest: disk is full"), time.Second)
	})
	equal(t, got,
		`WARN  delivery is failing  stream=a  reason="bulk: timeout"`,
		`ERROR delivery stopped by an error and starts again from what is durable  stream=a  err="write manifest: disk is full"  next_in=250ms`,
		`ERROR delivery stopped by an error and starts again from what is durable  stream=a  err="write manifest: disk is full"  next_in=1s`)
}

func TestStatesThatNeedAPersonAreErrors(t *testing.T) {
	got := lines(t, slog.LevelInfo, func(e stream.Events) {
		e.State("a", stream.Held, "no such bucket; create it")
		e.State("b", stream.Suspended, "disk")
		e.State("c", stream.Draining, "gone")
		time.Sleep(90 * time.Minute)
		e.State("a", stream.Active, "")
	})
	equal(t, got,
		`ERROR stream is held: records are taken and kept, nothing is dropped, tries go on  stream=a  reason="no such bucket; create it"`,
		`ERROR stream is suspended: it takes no records, and what it has buffered stays  stream=b  reason=disk`,
		`INFO  stream left the configuration and delivers what it has buffered  stream=c`,
		`INFO  delivery recovered after 1h30m, 0 failed tries  stream=a`)
}

func TestRefusalsAreALineAMinute(t *testing.T) {
	var b strings.Builder
	synctest.Test(t, func(t *testing.T) {
		r := NewRefusals(New(&b, Options{Format: Text}))
		for range 900 { // a tenth of a second apart
			r.Refused("clicks", errors.New("buffer is full"))
			r.Refused("clicks", context.Canceled)
			time.Sleep(100 * time.Millisecond)
		}
	})
	if n := strings.Count(b.String(), "\n"); n != 2 || !strings.Contains(b.String(), "requests=1 ") || !strings.Contains(b.String(), "requests=600 ") {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}
