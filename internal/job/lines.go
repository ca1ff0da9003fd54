package job

import "slices"

// Lines is a set of line numbers, as ranges in ascending order: [[1,5],[9,9]].
type Lines [][2]int64

// Add adds a line behind all others.
func (l *Lines) Add(line int64) {
	if last := len(*l) - 1; last >= 0 && (*l)[last][1]+1 == line {
		(*l)[last][1] = line
		return
	}
	*l = append(*l, [2]int64{line, line})
}

// Has reports whether a line is in the set.
func (l Lines) Has(line int64) bool {
	_, found := slices.BinarySearchFunc(l, line, func(r [2]int64, line int64) int {
		switch {
		case r[1] < line:
			return -1
		case r[0] > line:
			return 1
		}
		return 0
	})
	return found
}

// Count returns how many lines are in the set.
func (l Lines) Count() int64 {
	n := int64(0)
	for _, r := range l {
		n += r[1] - r[0] + 1
	}
	return n
}

// First returns the first n lines of the set.
func (l Lines) First(n int64) Lines {
	var first Lines
	for _, r := range l {
		if n <= 0 {
			break
		}
		r[1] = min(r[1], r[0]+n-1)
		n -= r[1] - r[0] + 1
		first = append(first, r)
	}
	return first
}

// With returns the union of two sets.
func (l Lines) With(other Lines) Lines {
	all := slices.Concat(l, other)
	slices.SortFunc(all, func(a, b [2]int64) int { return int(min(max(a[0]-b[0], -1), 1)) })
	var sum Lines
	for _, r := range all {
		if last := len(sum) - 1; last >= 0 && r[0] <= sum[last][1]+1 {
			sum[last][1] = max(sum[last][1], r[1])
			continue
		}
		sum = append(sum, r)
	}
	return sum
}
