package orc

// byteReader reads what bytesRLE writes.
type byteReader struct {
	src  source
	left int // of the run
	same bool
	last byte
}

func (r *byteReader) next() (byte, error) {
	if r.left == 0 {
		head, err := r.src.ReadByte()
		if err != nil {
			return 0, err
		}
		if r.same = head < 0x80; r.same {
			r.left = int(head) + shortestRun
			if r.last, err = r.src.ReadByte(); err != nil {
				return 0, err
			}
		} else {
			r.left = 256 - int(head)
		}
	}
	r.left--
	if r.same {
		return r.last, nil
	}
	return r.src.ReadByte()
}

// bitReader reads what bitsRLE writes.
type bitReader struct {
	bytes byteReader
	last  byte
	left  int // bits
}

func (r *bitReader) next() (bool, error) {
	if r.left == 0 {
		var err error
		if r.last, err = r.bytes.next(); err != nil {
			return false, err
		}
		r.left = 8
	}
	r.left--
	return r.last>>r.left&1 == 1, nil
}
