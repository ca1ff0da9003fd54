package crashtest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hydrant-dev/hydrant/buffer/vfs/crashfs"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "run the one workload with this seed")
	imagesFlag = flag.Int("images", 0, "number of images to take; 0: 50000, with -short 2000")
	keepFlag   = flag.String("keep", "", "write the image that failed to this directory")
)

// TestPowerLossLosesNothing stops the power at every operation on the disk.
func TestPowerLossLosesNothing(t *testing.T) {
	target := int64(50_000)
	if testing.Short() {
		target = 2_000
	}
	if *imagesFlag > 0 {
		target = int64(*imagesFlag)
	}
	var images atomic.Int64
	for seed := uint64(1); images.Load() < target; seed++ {
		if *seedFlag != 0 {
			seed = *seedFlag
		}
		synctest.Test(t, func(t *testing.T) { runWorkload(t, seed, target, &images) })
		if t.Failed() || *seedFlag != 0 {
			break
		}
	}
	t.Logf("%d images", images.Load())
	if *seedFlag == 0 && !t.Failed() && images.Load() < target {
		t.Errorf("only %d images were taken, want %d", images.Load(), target)
	}
}

// image is what a crash left.
type image struct {
	fs      *crashfs.FS
	history *history
	seed    uint64
	depth   int    // crashes before this one
	what    string // for the message
}

// workload drives a log and has the images of its crashes examined.
type workload struct {
	seed   uint64
	images *atomic.Int64
	target int64
	queue  chan image
	failed atomic.Pointer[error]
}

// stepsPerWorkload operations make about 2,500 images.
const stepsPerWorkload = 60

func runWorkload(t *testing.T, seed uint64, target int64, images *atomic.Int64) {
	w := &workload{seed: seed, images: images, target: target, queue: make(chan image)}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(w.work)
	}
	err := w.drive()
	close(w.queue)
	wg.Wait()
	w.report(t, err)
}

func (w *workload) work() {
	for im := range w.queue {
		if err := w.examine(im); err != nil {
			w.failed.CompareAndSwap(nil, &err)
		}
	}
}

func (w *workload) report(t *testing.T, err error) {
	if failed := w.failed.Load(); failed != nil {
		err = *failed
	}
	if err != nil {
		t.Errorf("%v\nreplay: go test ./buffer/crashtest -run '%s' -seed %d -keep /tmp/image", err, t.Name(), w.seed)
	}
}

func (w *workload) drive() error {
	luck := rand.New(rand.NewPCG(w.seed, 0))
	s := newSession(crashfs.New(), newHistory(), luck)
	var last trail
	s.fs.Observe(func(op crashfs.Op) {
		last.add(op)
		w.take(s.fs, s.history, 0, luckOf(w.seed, last.count()), last.String)
	})
	err := s.open()
	if err == nil {
		err = s.observe()
	}
	for range stepsPerWorkload {
		if err != nil || w.failed.Load() != nil || w.images.Load() >= w.target {
			break
		}
		err = s.step()
	}
	if err != nil {
		s.abandon()
		return fmt.Errorf("without a crash: %w\n%s%v", err, last.String(), s.fs)
	}
	return s.close()
}

func luckOf(seed, n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }

// take takes images of this moment and queues them.
func (w *workload) take(fsys *crashfs.FS, h *history, depth int, luck *rand.Rand, trail func() string) {
	if w.failed.Load() != nil || w.images.Load() >= w.target {
		return
	}
	for _, im := range w.shoot(fsys, h, depth, luck, trail) {
		w.queue <- im
	}
}

// shoot takes images of this moment.
func (w *workload) shoot(fsys *crashfs.FS, h *history, depth int, luck *rand.Rand, trail func() string) []image {
	type shot struct {
		fs   *crashfs.FS
		mode string
		seed uint64
	}
	var shots []shot
	modes := crashfs.Modes()
	moment := h.fork(func() {
		shots = append(shots, shot{fsys.KillClone(), "kill", luck.Uint64()})
		count := 8
		if fsys.Clean() {
			count = 1
		}
		for range count {
			mode, seed := modes[luck.IntN(len(modes))], luck.Uint64()
			shots = append(shots, shot{fsys.CrashClone(seed, mode), mode.String(), seed})
		}
	})
	images := make([]image, len(shots))
	for i, x := range shots {
		images[i] = image{
			fs: x.fs, history: moment.fork(func() {}), seed: x.seed, depth: depth,
			what: fmt.Sprintf("crash %d, mode %s, seed %d, after\n%s", depth+1, x.mode, x.seed, trail()),
		}
	}
	return images
}

// maxDepth is how often power is lost in one history.
const maxDepth = 3

// examine recovers an image, compares it with its history, and goes on from
// there, sometimes into another crash.
func (w *workload) examine(im image) error {
	w.images.Add(1)
	im.fs.SetCapacity(1 << 40) // the disk is well again
	before := im.fs.KillClone()
	luck := luckOf(im.seed, 1)
	s := newSession(im.fs, im.history, luck)
	var again []image
	var last trail
	if im.depth+1 < maxDepth && luck.IntN(8) == 0 {
		countdown := luck.IntN(60)
		im.fs.Observe(func(op crashfs.Op) {
			last.add(op)
			if last.count() == uint64(countdown) {
				again = w.shoot(im.fs, im.history, im.depth+1, luckOf(im.seed, 2), func() string { return im.what + "then\n" + last.String() })
			}
		})
	}
	if err := s.live(); err != nil {
		return errors.Join(fmt.Errorf("%w\n%s%v", err, im.what, before), keep(before))
	}
	for _, next := range again {
		if err := w.examine(next); err != nil {
			return err
		}
	}
	return nil
}

// live is the short life after a crash.
func (s *session) live() error {
	err := s.open()
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err = s.observe(); err == nil {
		for range s.luck.IntN(4) {
			if err = s.step(); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = s.undamaged()
	}
	if err != nil {
		s.abandon()
		return err
	}
	return s.close()
}

func keep(fsys *crashfs.FS) error {
	if *keepFlag == "" {
		return nil
	}
	if err := os.RemoveAll(*keepFlag); err != nil {
		return err
	}
	return fsys.Export(*keepFlag)
}

// trail remembers the last operations.
type trail struct {
	mu  sync.Mutex
	n   uint64
	ops [24]crashfs.Op
}

func (t *trail) add(op crashfs.Op) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ops[t.n%uint64(len(t.ops))] = op
	t.n++
}

func (t *trail) count() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

func (t *trail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for i := max(t.n, uint64(len(t.ops))) - uint64(len(t.ops)); i < t.n; i++ {
		fmt.Fprintf(&b, "\t%v\n", t.ops[i%uint64(len(t.ops))])
	}
	return b.String()
}
