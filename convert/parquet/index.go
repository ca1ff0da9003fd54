package parquet

// The page index. Source: apache/parquet-format, PageIndex.md.

const (
	boundaryUnordered  = 0
	boundaryAscending  = 1
	boundaryDescending = 2
)

// indexed reports whether the pages of a column have bounds: a page that has
// values but no bounds, because they are all NaN, leaves the column without.
func (c *chunk) indexed() bool {
	if c.leaf.order == noOrder {
		return false
	}
	for i := range c.done {
		if p := &c.done[i]; p.values > 0 && !p.bounds.known {
			return false
		}
	}
	return true
}

// columnIndex writes the ColumnIndex of a column.
func (c *chunk) columnIndex(t *thrift) {
	n := len(c.done)
	t.begin()
	t.listField(1, compactTrue, n)
	for i := range c.done {
		t.boolean(!c.done[i].bounds.known)
	}
	t.listField(2, compactBinary, n)
	for i := range c.done {
		t.binary(c.done[i].bounds.min)
	}
	t.listField(3, compactBinary, n)
	for i := range c.done {
		t.binary(c.done[i].bounds.max)
	}
	t.i32Field(4, c.boundaryOrder())
	t.listField(5, compactI64, n)
	for i := range c.done {
		t.integer(int64(c.done[i].nulls))
	}
	t.end()
}

// boundaryOrder says whether the bounds of the pages rise or fall.
func (c *chunk) boundaryOrder() int {
	ascending, descending := true, true
	var last *bounds
	for i := range c.done {
		b := &c.done[i].bounds
		if !b.known {
			continue
		}
		if last != nil {
			less := c.leaf.order.less
			ascending = ascending && !less(b.min, last.min) && !less(b.max, last.max)
			descending = descending && !less(last.min, b.min) && !less(last.max, b.max)
		}
		last = b
	}
	switch {
	case ascending:
		return boundaryAscending
	case descending:
		return boundaryDescending
	}
	return boundaryUnordered
}

// offsetIndex writes the OffsetIndex of a column whose data pages begin at
// offset in the file.
func (c *chunk) offsetIndex(t *thrift, offset int64) {
	t.begin()
	t.listField(1, compactStruct, len(c.done))
	row := int64(0)
	for i := range c.done {
		p := &c.done[i]
		t.begin()
		t.i64Field(1, offset)
		t.i32Field(2, len(p.bytes))
		t.i64Field(3, row)
		t.end()
		offset += int64(len(p.bytes))
		row += int64(p.rows)
	}
	t.end()
}

// bounds returns those of all pages.
func (c *chunk) bounds() bounds {
	var all bounds
	for i := range c.done {
		b := &c.done[i].bounds
		if !b.known {
			continue
		}
		if !all.known {
			all = *b
			continue
		}
		if c.leaf.order.less(b.min, all.min) {
			all.min, all.minExact = b.min, b.minExact
		}
		if c.leaf.order.less(all.max, b.max) {
			all.max, all.maxExact = b.max, b.maxExact
		}
	}
	return all
}
