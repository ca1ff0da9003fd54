package e2e

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/testbed"
)

const reload = syscall.SIGHUP

// busy is as much load as there can be.
func busy(name string) testbed.Stream {
	return testbed.Stream{Name: name, Producers: 4, Size: "4MiB"}
}

func TestStopUnderFullLoadLosesNothing(t *testing.T) {
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), busy("raw"))
	for range 3 {
		p := b.Start()
		p.Ready(20 * time.Second)
		stop := b.Produce()
		acked(t, b, 5000)
		began := time.Now()
		if code := p.Stop(30 * time.Second); code != 0 {
			t.Errorf("exit code %d\n%s", code, p.Log())
		}
		t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
		stop()
	}
	b.Start().Ready(20 * time.Second)
	settle(t, b)
}

func TestASecondInstanceIsRefused(t *testing.T) {
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), calm("raw"))
	first := b.Start()
	first.Ready(20 * time.Second)
	stop := b.Produce()
	acked(t, b, 100)

	second := hydrant.NewSite(t, b.Program) // other ports, the same data
	write(t, second.Dir+"/hydrant.yaml", fmt.Sprintf("version: 1\nserver: {data_dir: %s, api: {listen: %q}, admin: {listen: %q}}\nstreams: {}\n",
		b.DataDir(), second.API, second.Admin))
	p := second.Exec(nil, "run", "-c", second.Dir+"/hydrant.yaml")
	if code := p.Wait(10 * time.Second); code <= 0 {
		t.Errorf("exit code %d, want a positive one", code)
	}
	if pid := strconv.Itoa(first.PID()); !strings.Contains(p.Log(), pid) {
		t.Errorf("the refusal does not name the owner, process %s:\n%s", pid, p.Log())
	}
	acked(t, b, 100) // the first goes on
	stop()
	settle(t, b)
}

func TestAProcessThatWasSuspendedGoesOn(t *testing.T) {
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), calm("raw"))
	p := b.Start()
	p.Ready(20 * time.Second)
	stop := b.Produce()
	for range 3 {
		acked(t, b, 500)
		p.Signal(syscall.SIGSTOP)
		time.Sleep(lasting(t, "HYDRANT_E2E_SUSPEND", 3*time.Second))
		p.Signal(syscall.SIGCONT)
	}
	acked(t, b, 500)
	stop()
	settle(t, b)
}

// A backlog that no memory holds: the program is killed, and is there again at
// once; then everything is delivered while more comes in.
func TestALargeBacklogCostsNeitherTimeNorMemory(t *testing.T) {
	backlog := int64(1) << 30
	if text := os.Getenv("HYDRANT_E2E_BACKLOG_GIB"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		backlog = int64(n) << 30
	} else if testing.Short() {
		backlog = 128 << 20
	}
	s := busy("raw")
	s.Size = "5MiB"
	b := testbed.New(t, hydrant.Binary(t), rand.Uint64(), s)
	b.Store.Stop()
	p := b.Start()
	p.Ready(20 * time.Second)
	watch := watchMemory(t, p)
	stop := b.Produce()
	until(t, "the backlog", 5*time.Minute, func() bool {
		m, err := b.Metrics()
		return err == nil && m.Stream("hydrant_ledger_buffered_bytes", "raw") >= float64(backlog)
	})
	stop()
	ingest := watch()
	p.Kill()

	began := time.Now()
	p = b.Start()
	p.Ready(5 * time.Second)
	ready := time.Since(began)
	b.Store.Start()
	watch = watchMemory(t, p)
	stop = b.Produce()
	acked(t, b, 20_000)
	stop()
	if err := b.Quiesce(90 * time.Second); err != nil {
		t.Fatal(err)
	}
	drain := watch()
	t.Logf("backlog of %d MiB: ready after %v; resident memory at most %d MiB while it grew, %d MiB while it was delivered",
		backlog>>20, ready.Round(time.Millisecond), ingest>>20, drain>>20)
	const limit = 150 << 20
	if ingest > limit || drain > limit {
		t.Errorf("resident memory %d MiB and %d MiB, want less than %d MiB", ingest>>20, drain>>20, limit>>20)
	}
	expectNone(t, b.Judge())
}

// watchMemory samples the resident memory of a process until the function it
// returns is called, which returns the highest value.
func watchMemory(t *testing.T, p *hydrant.Process) (highest func() int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	most := make(chan int64)
	go func() {
		top := int64(0)
		for ctx.Err() == nil {
			top = max(top, residentMemory(p.PID()))
			time.Sleep(50 * time.Millisecond)
		}
		most <- top
	}()
	return func() int64 { cancel(); return <-most }
}

// residentMemory returns VmRSS of a process, or 0 where it cannot be known.
func residentMemory(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmRSS: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
