package parquet

import "github.com/hydrant-dev/hydrant/convert/column"

// run is so many entries in a row that have the same level.
type run struct{ n, level uint32 }

type runs []run

func (r runs) add(level, n uint32) runs {
	if last := len(r) - 1; last >= 0 && r[last].level == level {
		r[last].n += n
		return r
	}
	return append(r, run{n, level})
}

// levels are the definition and repetition levels of a field: an entry for
// each slot of its vector, and one for each place above where values ended.
type levels struct {
	entries int
	def     runs
	rep     runs // nil if all are 0
}

// refine splits the entries with level at by whether the slots of v are null:
// those that are not have the next level.
func refine(dst, above runs, v *column.Vector, at uint32) runs {
	dst = dst[:0]
	if v.Nulls == 0 {
		for _, r := range above {
			if r.level == at {
				r.level++
			}
			dst = append(dst, r)
		}
		return dst
	}
	gaps := v.Gaps
	var present, nulls uint32 // values seen; nulls left in a gap that was begun
	for _, r := range above {
		if r.level != at {
			dst = dst.add(r.level, r.n)
			continue
		}
		for r.n > 0 {
			if nulls == 0 && len(gaps) > 0 && gaps[0].At == present {
				nulls, gaps = gaps[0].N, gaps[1:]
			}
			if nulls > 0 {
				k := min(r.n, nulls)
				dst = dst.add(at, k)
				nulls, r.n = nulls-k, r.n-k
				continue
			}
			k := r.n
			if len(gaps) > 0 {
				k = min(k, gaps[0].At-present)
			}
			dst = dst.add(at+1, k)
			present, r.n = present+k, r.n-k
		}
	}
	return dst
}

// repeat puts the elements of lists in the place of the entries with level at.
// Elements after the first of a list have the repetition level again. def and
// rep are memory for the result.
func repeat(def, rep runs, above levels, ends []uint32, at, again uint32) levels {
	def, rep = def[:0], rep[:0]
	from := cursor{def: above.def, rep: above.rep}
	entries, start := 0, uint32(0)
	for _, r := range above.def {
		if r.level != at {
			def = def.add(r.level, r.n)
			rep = from.copyRep(rep, r.n)
			entries += int(r.n)
			continue
		}
		for range r.n {
			rep = from.copyRep(rep, 1)
			n := ends[0] - start
			start, ends = ends[0], ends[1:]
			if n == 0 {
				def = def.add(at, 1)
				entries++
				continue
			}
			def = def.add(at+1, n)
			if n > 1 {
				rep = rep.add(again, n-1)
			}
			entries += int(n)
		}
	}
	return levels{entries: entries, def: def, rep: rep}
}

// cursor goes through the levels of a column.
type cursor struct {
	def, rep         runs
	defDone, repDone uint32 // entries of the first run that are behind
}

// copyRep appends the next n repetition levels to dst.
func (c *cursor) copyRep(dst runs, n uint32) runs {
	if c.rep == nil {
		return dst.add(0, n)
	}
	for n > 0 {
		r := c.rep[0]
		k := min(n, r.n-c.repDone)
		dst = dst.add(r.level, k)
		n -= k
		if c.repDone += k; c.repDone == r.n {
			c.rep, c.repDone = c.rep[1:], 0
		}
	}
	return dst
}

// copyDef appends the next n definition levels to dst.
func (c *cursor) copyDef(dst runs, n uint32) runs {
	for n > 0 {
		r := c.def[0]
		k := min(n, r.n-c.defDone)
		dst = dst.add(r.level, k)
		n -= k
		if c.defDone += k; c.defDone == r.n {
			c.def, c.defDone = c.def[1:], 0
		}
	}
	return dst
}

// values returns how many of the next n entries have a value: the level most.
func (c *cursor) values(n, most uint32) int {
	values, done := uint32(0), c.defDone
	for i := 0; n > 0; i++ {
		k := min(n, c.def[i].n-done)
		if c.def[i].level == most {
			values += k
		}
		n, done = n-k, 0
	}
	return int(values)
}

// through returns how many entries there are up to the n-th value from here.
func (c *cursor) through(n, most uint32) uint32 {
	entries, done := uint32(0), c.defDone
	for i := 0; n > 0; i++ {
		k := c.def[i].n - done
		if c.def[i].level == most {
			k = min(n, k)
			n -= k
		}
		entries, done = entries+k, 0
	}
	return entries
}

// row extends the next n entries to the end of a row, and returns how many
// rows they are.
func (c *cursor) row(n uint32) (entries, rows uint32) {
	if c.rep == nil {
		return n, n
	}
	done := c.repDone
	for i := range c.rep {
		k := c.rep[i].n - done
		if c.rep[i].level == 0 {
			if entries >= n {
				break
			}
			// Each entry begins a row; the last one may go on in the next run.
			k = min(k, n-entries)
			rows += k
			if entries += k; k < c.rep[i].n-done {
				break
			}
		} else {
			entries += k
		}
		done = 0
	}
	return entries, rows
}
