package parquet

// arena holds the finished pages of a row group. The columns share its blocks:
// pages stay where they are put, however many come, and with many columns not
// much is left unused.
type arena struct {
	blocks [][]byte // with the bytes in use as length
	at     int      // the block that is being filled
}

const smallestBlock, largestBlock = 64 << 10, 512 << 10

// take returns n bytes that hold anything, until reset.
func (a *arena) take(n int) []byte {
	for ; a.at < len(a.blocks); a.at++ {
		b := &a.blocks[a.at]
		if used := len(*b); cap(*b)-used >= n {
			*b = (*b)[:used+n]
			return (*b)[used : used+n : used+n]
		}
	}
	size := min(smallestBlock<<min(len(a.blocks), 4), largestBlock)
	a.blocks = append(a.blocks, make([]byte, n, max(size, n)))
	return a.blocks[a.at][:n:n]
}

// join returns copies of the parts behind each other, until reset.
func (a *arena) join(header, levels, packed []byte) []byte {
	p := a.take(len(header) + len(levels) + len(packed))
	n := copy(p, header)
	n += copy(p[n:], levels)
	copy(p[n:], packed)
	return p
}

func (a *arena) reset() {
	for i := range a.blocks {
		a.blocks[i] = a.blocks[i][:0]
	}
	a.at = 0
}
