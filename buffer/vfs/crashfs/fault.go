package crashfs

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// Kind is a kind of operation, or several or-ed together.
type Kind uint16

// The operations.
const (
	OpCreate Kind = 1 << iota
	OpOpen
	OpRename
	OpRemove
	OpMkdir
	OpSyncDir
	OpList
	OpStat
	OpLock
	OpRead
	OpWrite
	OpSync
	OpTruncate
	OpClose

	// OpAny is all of them.
	OpAny     Kind = 1<<iota - 1
	opChanges      = OpCreate | OpRename | OpRemove | OpMkdir | OpSyncDir | OpLock | OpWrite | OpSync | OpTruncate
)

var kindNames = [...]string{"create", "open", "rename", "remove", "mkdir", "syncdir", "list", "stat", "lock", "read", "write", "sync", "truncate", "close"}

func (k Kind) String() string {
	if k == OpAny {
		return "any"
	}
	var names []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|")
}

// Op is an operation on a path.
type Op struct {
	Kind Kind
	Path string
	To   string // of a rename
	Off  int64  // of a read or write; the size of a truncate
	Len  int64
}

func (o Op) String() string {
	switch o.Kind {
	case OpRename:
		return fmt.Sprintf("rename %s %s", o.Path, o.To)
	case OpRead, OpWrite:
		return fmt.Sprintf("%v %s %d+%d", o.Kind, o.Path, o.Off, o.Len)
	case OpTruncate:
		return fmt.Sprintf("truncate %s %d", o.Path, o.Off)
	}
	return fmt.Sprintf("%v %s", o.Kind, o.Path)
}

// Fault says which operations go wrong, and how. With several faults the first
// that matches acts.
type Fault struct {
	On    Kind   // any of these operations
	Path  string // pattern of path.Match for the last element, or for the whole path if it has a slash; "" matches all
	After int    // matching operations that pass before
	Times int    // how often it acts; 0: always

	// What happens. Err alone fails the operation without any effect.
	Err   error         // what the caller gets
	Keep  int           // of a write with Err: this many bytes are written
	Drop  bool          // of a sync: forget what is pending. With Err nil the disk lies
	Flip  bool          // of a read: one bit comes back wrong
	Delay time.Duration // the operation takes this much longer
}

func (f Fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", f.On)
	if f.Path != "" {
		fmt.Fprintf(&b, " %s", f.Path)
	}
	if f.After > 0 {
		fmt.Fprintf(&b, " after %d", f.After)
	}
	switch f.Times {
	case 0:
		b.WriteString(" always")
	case 1:
		b.WriteString(" once")
	default:
		fmt.Fprintf(&b, " %d times", f.Times)
	}
	b.WriteString(":")
	if f.Delay > 0 {
		fmt.Fprintf(&b, " takes %v", f.Delay)
	}
	if f.Keep > 0 {
		fmt.Fprintf(&b, " writes %d bytes", f.Keep)
	}
	if f.Drop {
		b.WriteString(" drops what is pending")
	}
	if f.Flip {
		b.WriteString(" flips a bit")
	}
	if f.Err != nil {
		fmt.Fprintf(&b, " %q", f.Err.Error())
	}
	return b.String()
}

func (f Fault) matches(op Op) bool {
	if f.On&op.Kind == 0 {
		return false
	}
	name := op.Path
	if !strings.Contains(f.Path, "/") {
		name = path.Base(name)
	}
	ok, err := path.Match(f.Path, name)
	if err != nil {
		panic("crashfs: fault with a bad pattern: " + f.Path)
	}
	return ok || f.Path == ""
}

// armed is a fault and how often it was met.
type armed struct {
	Fault
	met int
}

// Inject adds faults.
func (f *FS) Inject(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range faults {
		f.faults = append(f.faults, &armed{Fault: x})
	}
}

// Heal removes all faults and returns how often they acted.
func (f *FS) Heal() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, x := range f.faults {
		n += x.acted()
	}
	f.faults = nil
	return n
}

func (a *armed) acted() int {
	n := max(0, a.met-a.After)
	if a.Times > 0 {
		n = min(n, a.Times)
	}
	return n
}

// effect is what the faults do to one operation.
type effect struct {
	err   error
	runs  bool // although there is an error
	keep  int
	drop  bool
	flip  bool
	delay time.Duration
}

func (f *FS) hit(op Op) effect {
	for _, x := range f.faults {
		if !x.matches(op) {
			continue
		}
		before := x.acted()
		x.met++
		if x.acted() == before {
			continue
		}
		return effect{
			err:   x.Err,
			runs:  op.Kind == OpWrite && x.Keep > 0 || x.Drop || op.Kind == OpClose,
			keep:  x.Keep,
			drop:  x.Drop,
			flip:  x.Flip,
			delay: x.Delay,
		}
	}
	return effect{}
}

// cut returns how many of n bytes a write loses.
func (e effect) cut(n int) int {
	if e.err == nil {
		return 0
	}
	return max(0, n-e.keep)
}
