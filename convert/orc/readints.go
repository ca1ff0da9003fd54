package orc

import (
	"encoding/binary"
	"errors"
)

var errRun = errors.New("damaged run of integers")

// intReader reads what ints writes.
type intReader struct {
	src    source
	signed bool
	old    bool // version 1

	run  [longestIntRun]int64
	n    int // values of the run
	at   int // of the next one
	pack [8*longestIntRun + 8]byte
}

func (r *intReader) next() (int64, error) {
	for r.at == r.n {
		r.at, r.n = 0, 0
		head, err := r.src.ReadByte()
		if err != nil {
			return 0, err
		}
		if r.old {
			err = r.runOld(head)
		} else {
			err = r.runNew(head)
		}
		if err != nil {
			r.n = 0
			return 0, err
		}
	}
	v := r.run[r.at]
	r.at++
	return v, nil
}

func (r *intReader) int(signed bool) (int64, error) {
	v, err := binary.ReadUvarint(&r.src)
	if signed {
		return unzigzag(v), err
	}
	return int64(v), err
}

func (r *intReader) runOld(head byte) error {
	if head >= 0x80 {
		r.n = 256 - int(head)
		for i := range r.n {
			var err error
			if r.run[i], err = r.int(r.signed); err != nil {
				return err
			}
		}
		return nil
	}
	step, err := r.src.ReadByte()
	if err != nil {
		return err
	}
	v, err := r.int(r.signed)
	if err != nil {
		return err
	}
	r.n = int(head) + shortestRun
	for i := range r.n {
		r.run[i] = v + int64(i)*int64(int8(step))
	}
	return nil
}

func (r *intReader) runNew(head byte) error {
	if head>>6 == shortRepeat {
		return r.shortRepeat(head)
	}
	second, err := r.src.ReadByte()
	if err != nil {
		return err
	}
	r.n = int(head&1)<<8 | int(second) + 1
	code := int(head >> 1 & 31)
	switch head >> 6 {
	case direct:
		err = r.unpack(r.run[:r.n], int(widths[code]))
		if r.signed {
			for i, v := range r.run[:r.n] {
				r.run[i] = unzigzag(uint64(v))
			}
		}
	case patchedBase:
		err = r.patched(int(widths[code]))
	default:
		width := 0
		if code > 0 {
			width = int(widths[code])
		}
		err = r.delta(width)
	}
	return err
}

func (r *intReader) shortRepeat(head byte) error {
	v, err := r.big(int(head>>3&7) + 1)
	if err != nil {
		return err
	}
	x := int64(v)
	if r.signed {
		x = unzigzag(v)
	}
	r.n = int(head&7) + shortestRun
	for i := range r.n {
		r.run[i] = x
	}
	return nil
}

// big reads a number of size bytes, the highest first.
func (r *intReader) big(size int) (v uint64, err error) {
	if err := r.src.full(r.pack[:size]); err != nil {
		return 0, err
	}
	for _, b := range r.pack[:size] {
		v = v<<8 | uint64(b)
	}
	return v, nil
}

// unpack reads values of so many bits.
func (r *intReader) unpack(dst []int64, width int) error {
	n := (len(dst)*width + 7) / 8
	if err := r.src.full(r.pack[:n]); err != nil {
		return err
	}
	clear(r.pack[n : n+8])
	for i := range dst {
		bit := i * width
		p := r.pack[bit/8:]
		v := binary.BigEndian.Uint64(p) << (bit % 8)
		if bit%8+width > 64 {
			v |= uint64(p[8]) >> (8 - bit%8)
		}
		dst[i] = int64(v >> (64 - width))
	}
	return nil
}

func (r *intReader) delta(width int) error {
	v, err := r.int(r.signed)
	if err != nil {
		return err
	}
	step, err := r.int(true)
	if err != nil {
		return err
	}
	r.run[0] = v
	if r.n == 1 {
		return nil
	}
	r.run[1] = v + step
	if width == 0 {
		for i := 2; i < r.n; i++ {
			r.run[i] = r.run[i-1] + step
		}
		return nil
	}
	if r.n == 2 {
		return nil
	}
	if err := r.unpack(r.run[2:r.n], width); err != nil {
		return err
	}
	for i := 2; i < r.n; i++ {
		if step < 0 {
			r.run[i] = r.run[i-1] - r.run[i]
		} else {
			r.run[i] += r.run[i-1]
		}
	}
	return nil
}

func (r *intReader) patched(width int) error {
	var head [2]byte
	if err := r.src.full(head[:]); err != nil {
		return err
	}
	size := int(head[0]>>5) + 1
	high := int(widths[head[0]&31])
	gap := int(head[1]>>5) + 1
	entries := int(head[1] & 31)
	if gap+high > 64 {
		return errRun
	}
	above, err := r.big(size)
	if err != nil {
		return err
	}
	base := int64(above)
	if sign := uint64(1) << (8*size - 1); above&sign != 0 {
		base = -int64(above &^ sign)
	}
	if err := r.unpack(r.run[:r.n], width); err != nil {
		return err
	}
	var list [mostPatches]int64
	if err := r.unpack(list[:entries], int(widths[widthCode(gap+high)])); err != nil {
		return err
	}
	at := 0
	for _, e := range list[:entries] {
		at += int(uint64(e) >> high)
		if at >= r.n {
			return errRun
		}
		r.run[at] |= e & (1<<high - 1) << width
	}
	for i := range r.run[:r.n] {
		r.run[i] += base
	}
	return nil
}
