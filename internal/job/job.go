// Package job delivers the records of objects and files through a stream, each
// exactly once, whatever happens to the process.
//
// A job has a directory of its own in the data directory, with three files and
// a buffer:
//
//	jobs/<id>/job.json     what is to be done: the inputs, in their order
//	jobs/<id>/mark.json    a place in the inputs from which a restart reads on
//	jobs/<id>/result.json  what was done, when it is
//	jobs/<id>/buffer/      a data directory for the engine, until then
//
// The records of the inputs go into the job's own log in the order of job.json,
// and from there the stream's engine delivers them, as it does everything. So
// the log knows how many records were taken in, durably, and that number is the
// only position there is: a restart reads the same inputs again, leaves out as
// many records, and goes on.
package job

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// Kind is what a job is for.
type Kind string

// The kinds.
const (
	Replay   Kind = "replay"   // of a stream's failed records
	Backfill Kind = "backfill" // of objects from elsewhere
)

// Manifest says what a job does. It does not change.
type Manifest struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	Kind    Kind      `json:"kind"`
	Stream  string    `json:"stream"`
	From    string    `json:"from"`             // the place of the inputs
	Source  string    `json:"source,omitempty"` // of a backfill, as the user wrote it
	Created time.Time `json:"created"`
	Records int64     `json:"records,omitempty"` // in the inputs; 0: not known
	Inputs  []Input   `json:"inputs"`
	// Decisions are what the stream's conversion starts from, by name.
	Decisions map[string][]byte `json:"decisions,omitempty"`
}

// Input is an object, or some lines of one.
type Input struct {
	object.Entry
	Lines Lines `json:"lines,omitempty"` // nil: all
}

// Bytes returns the size of all inputs.
func (m *Manifest) Bytes() int64 {
	n := int64(0)
	for i := range m.Inputs {
		n += m.Inputs[i].Size
	}
	return n
}

// mark says that the records of an input begin behind so many others.
type mark struct {
	Input   int   `json:"input"`
	Records int64 `json:"records"`
	Skipped int   `json:"skipped,omitempty"` // before it
}

// Result is how a job ended.
type Result struct {
	Finished  time.Time     `json:"finished"`
	Ledger    buffer.Ledger `json:"ledger"`
	Abandoned bool          `json:"abandoned,omitempty"` // only the records accepted by then were delivered
	Mark      mark          `json:"mark"`
}

// Dir is the folder of jobs in a data directory.
const Dir = "jobs"

const (
	jobName    = "job.json"
	markName   = "mark.json"
	resultName = "result.json"
	bufferName = "buffer"
	version    = 1
)

// Job is a job on disk.
type Job struct {
	Manifest
	Result *Result // nil: it is not finished

	store *Store
}

func (j *Job) path(name string) string { return path.Join(Dir, j.ID, name) }

// Store is the jobs of a data directory.
type Store struct {
	fs   vfs.FS // nil: there is no data directory yet
	root string
}

// OpenStore opens the jobs of a data directory. It changes nothing.
func OpenStore(dataDir string) (*Store, error) {
	s := &Store{root: dataDir}
	if _, err := os.Stat(dataDir); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	return s, s.open()
}

func (s *Store) open() (err error) {
	if s.fs, err = vfs.OS(s.root); err != nil {
		err = fmt.Errorf("%w; run it where hydrant runs, as its user", err)
	}
	return err
}

// Decisions returns what the conversion of a stream has decided, for a job to
// start from.
func (s *Store) Decisions(stream string) (map[string][]byte, error) {
	decided := map[string][]byte{}
	if s.fs == nil {
		return decided, nil
	}
	if _, err := s.fs.Stat("streams"); errors.Is(err, fs.ErrNotExist) {
		return decided, nil
	}
	text, err := buffer.Decided(s.fs, stream, conversion.SchemaFile)
	switch {
	case err == nil:
		decided[conversion.SchemaFile] = text
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return decided, nil
}

// Lock keeps other jobs of a stream away until it is closed, or the process
// ends. It makes the folder of jobs when it is missing.
func (s *Store) Lock(stream string) (io.Closer, error) {
	if s.fs == nil {
		if err := s.open(); err != nil {
			return nil, err
		}
	}
	err := s.fs.Mkdir(Dir)
	if err == nil || errors.Is(err, fs.ErrExist) {
		err = s.fs.SyncDir(".")
	}
	if err != nil {
		return nil, fmt.Errorf("create folder of jobs: %w; run it where hydrant runs, as its user", err)
	}
	lock, err := s.fs.Lock(path.Join(Dir, stream+".lock"))
	if errors.Is(err, vfs.ErrLocked) {
		err = fmt.Errorf("another job of stream %s is running: %w; wait for it, or stop it", stream, err)
	}
	return lock, err
}

// Create makes a job durable. The caller holds the stream's lock.
func (s *Store) Create(m Manifest) (*Job, error) {
	m.Version, m.Created = version, time.Now().UTC()
	id := m.Stream + "-" + string(m.Kind) + m.Created.Format("-20060102-150405")
	for n := 1; ; n++ {
		m.ID = id
		if n > 1 {
			m.ID = fmt.Sprintf("%s-%d", id, n)
		}
		err := s.fs.Mkdir(path.Join(Dir, m.ID))
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create job: %w", err)
		}
	}
	j := &Job{Manifest: m, store: s}
	if err := s.fs.SyncDir(Dir); err != nil {
		return nil, fmt.Errorf("create job: %w", err)
	}
	if err := writeFile(s.fs, j.path(jobName), &j.Manifest); err != nil {
		return nil, fmt.Errorf("create job: %w", err)
	}
	fault.Point("K17-created")
	return j, nil
}

// List returns the jobs, oldest first. A directory without job.json is a job
// that never began.
func (s *Store) List() ([]*Job, error) {
	if s.fs == nil {
		return nil, nil
	}
	names, err := s.fs.List(Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	var jobs []*Job
	for _, name := range names {
		if strings.HasSuffix(name, ".lock") {
			continue
		}
		j := &Job{store: s}
		j.ID = name
		err := readFile(s.fs, j.path(jobName), &j.Manifest)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && (j.ID != name || j.Version != version) {
			err = fmt.Errorf("it is job %s of version %d", j.ID, j.Version)
		}
		if err != nil {
			return nil, fmt.Errorf("read job %s: %w; restore it, or move its folder away: what it delivered would be delivered again", name, err)
		}
		var r Result
		if err := readFile(s.fs, j.path(resultName), &r); err == nil {
			j.Result = &r
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read job %s: %w", name, err)
		}
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b *Job) int { return a.Created.Compare(b.Created) })
	return jobs, nil
}

// Unfinished returns the job of a kind and stream that is to be finished
// first, or nil.
func Unfinished(jobs []*Job, kind Kind, stream string) *Job {
	for _, j := range jobs {
		if j.Kind == kind && j.Stream == stream && j.Result == nil {
			return j
		}
	}
	return nil
}
