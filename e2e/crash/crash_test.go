// Package crash kills the real program again and again, under load, at named
// points and at random times, and then looks for every record.
//
// One run has one seed, which decides what the producers send and when the
// program is killed. What the kernel's scheduler decides is not replayed: a
// failure that needs an unlucky moment may take a few runs to come again.
package crash

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/oracle"
)

func TestMain(m *testing.M) {
	code := m.Run()
	hydrant.Clean()
	os.Exit(code)
}

// How many times the program is killed: in a normal run, in a short one. The
// environment has the last word, for a night's worth.
const (
	kills      = 200
	shortKills = 20
	killsEnv   = "HYDRANT_E2E_KILLS"
	seedEnv    = "HYDRANT_E2E_SEED"
)

// Between two verdicts the program is killed so often.
const round = 50

func TestAcknowledgedRecordsAreDeliveredOnceWhateverIsKilled(t *testing.T) {
	want := number(t, killsEnv, kills)
	if testing.Short() && os.Getenv(killsEnv) == "" {
		want = shortKills
	}
	seed := number(t, seedEnv, int(time.Now().UnixNano()%1e9))
	replay := fmt.Sprintf("%s=%d %s=%d go test ./e2e/crash -run '^%s$' -v -timeout 2h", seedEnv, seed, killsEnv, want, t.Name())
	t.Logf("again: %s", replay)

	l := newLoop(t, uint64(seed))
	judge := func() {
		t.Helper()
		if found := l.verdict(); len(found) > 0 {
			report(t, found)
			t.Fatalf("after %d kills; again: %s", l.kills, replay)
		}
	}
	l.begin()
	for l.kills < want && !hurried(t, l.kills, want) {
		l.run(min(round, want-l.kills))
		judge()
	}
	all := l.kills >= kills
	if all {
		l.nest(20)
		l.complete()
		judge()
	}
	l.evidence(all)
}

// hurried reports whether the time of the test is up for another round. That
// happens with go test's usual ten minutes when the first run has to build the
// store.
func hurried(t *testing.T, killed, want int) bool {
	end, limited := t.Deadline()
	if killed == 0 || !limited || time.Until(end) > 3*time.Minute {
		return false
	}
	t.Logf("STOPPED EARLY after %d of %d kills: the test's time is up; give it more with -timeout", killed, want)
	return true
}

// The suite must be able to fail: each of these mistakes, planted in the
// program, has to show in the verdict.
func TestPlantedMistakesAreFound(t *testing.T) {
	for _, c := range []struct {
		bug    string
		points []string // where to kill, to meet the mistake soon
		want   oracle.Kind
	}{
		{"ack-before-sync", []string{"K1"}, oracle.Missing},
		{"delete-before-checkpoint", []string{"K12"}, oracle.Account},
		{"name-from-clock", []string{"K9", "K10"}, oracle.Repeated},
		{"checkpoint-before-send", []string{"K8", "K9", "K10"}, oracle.Missing},
	} {
		t.Run(c.bug, func(t *testing.T) {
			l := newLoop(t, 1)
			l.env = []string{"HYDRANT_BUG=" + c.bug}
			l.points = c.points
			for l.kills < 30 {
				l.run(3)
				for _, v := range l.verdict() {
					if v.Kind == c.want {
						t.Logf("found after %d kills: %v", l.kills, v)
						return
					}
				}
			}
			t.Errorf("%d kills and nobody noticed", l.kills)
		})
	}
}

func number(t *testing.T, env string, otherwise int) int {
	text := cmp.Or(os.Getenv(env), strconv.Itoa(otherwise))
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

func report(t *testing.T, found []oracle.Violation) {
	t.Helper()
	const most = 30
	for i, v := range found {
		if i == most {
			t.Errorf("and %d more", len(found)-most)
			return
		}
		t.Error(v)
	}
}
