package job

import "github.com/hydrant-dev/hydrant/sinks/object"

// Taken is what jobs took of objects: each line is taken by one job at most.
type Taken struct {
	from  string
	whole map[object.Entry]bool
	lines map[object.Entry]Lines
}

// Take collects what the jobs of a kind and stream took at a place.
func Take(jobs []*Job, kind Kind, stream, from string) *Taken {
	t := &Taken{from: from, whole: map[object.Entry]bool{}, lines: map[object.Entry]Lines{}}
	for _, j := range jobs {
		if j.Kind == kind && j.Stream == stream && j.From == from {
			t.add(j)
		}
	}
	return t
}

func (t *Taken) add(j *Job) {
	abandoned := j.Result != nil && j.Result.Abandoned
	left := int64(0) // lines that an abandoned job still took
	if abandoned {
		left = int64(j.Result.Ledger.Accepted.Records)
	}
	for i, in := range j.Inputs {
		e := identity(in.Entry)
		lines := in.Lines
		if lines == nil {
			if !abandoned || i < j.Result.Mark.Input {
				t.whole[e] = true
			}
			continue
		}
		if abandoned {
			lines = lines.First(left)
			left -= lines.Count()
		}
		t.lines[e] = t.lines[e].With(lines)
	}
}

// identity is what an entry is recognised by.
func identity(e object.Entry) object.Entry {
	return object.Entry{Key: e.Key, Size: e.Size, Tag: e.Tag}
}

// Lines returns the lines of an object that were taken.
func (t *Taken) Lines(e object.Entry) Lines { return t.lines[identity(e)] }

// Whole reports whether an object was taken as a whole.
func (t *Taken) Whole(e object.Entry) bool { return t.whole[identity(e)] }
