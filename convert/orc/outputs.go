package orc

// writer is a stream, or what encodes values into one.
type writer interface {
	// position appends where the next value will be.
	position(dst []uint64) []uint64
	// finish completes the stream.
	finish()
	bytes() *stream
	held() int64
	reset()
}

// part is a stream of a column.
type part struct {
	kind   int
	writer writer
}

// The kinds of streams.
const (
	kindPresent    = 0
	kindData       = 1
	kindLength     = 2
	kindDictionary = 3
	kindSecondary  = 5
	kindRowIndex   = 6
	kindBloom      = 8
)

// The encodings of columns; the later ones hold integers of version 2.
const (
	encodingDirect       = 0
	encodingDictionary   = 1
	encodingDirectV2     = 2
	encodingDictionaryV2 = 3
)

// outputs are the streams of a column's values, in the order of the file, and
// where they stood at the start of each stride.
type outputs struct {
	parts []part
	kind  int // of encoding
	marks []uint64
}

func (o *outputs) mark() {
	for _, p := range o.parts {
		o.marks = p.writer.position(o.marks)
	}
}

func (o *outputs) finish() {
	for _, p := range o.parts {
		p.writer.finish()
	}
}

func (o *outputs) positions() []uint64       { return o.marks }
func (o *outputs) streams(dst []part) []part { return append(dst, o.parts...) }
func (o *outputs) encoding() (int, int)      { return o.kind, 0 }

func (o *outputs) held() (n int64) {
	for _, p := range o.parts {
		n += p.writer.held()
	}
	return n
}

func (o *outputs) reset() {
	o.marks = o.marks[:0]
	for _, p := range o.parts {
		p.writer.reset()
	}
}
