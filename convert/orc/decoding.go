package orc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// decoding reads the start of a stripe into a batch.
type decoding struct {
	file   *Reader
	layout layout
	batch  *column.Batch
	left   int // values and bytes that may still be made

	zone  *time.Location
	epoch int64 // 2015-01-01 in zone, in seconds since 1970
}

var errLimit = errors.New("that is too much at once: read fewer rows")

func (d *decoding) start() (err error) {
	d.zone, d.epoch = time.UTC, epoch
	if d.layout.timeZone == "" {
		return nil
	}
	if d.zone, err = time.LoadLocation(d.layout.timeZone); err != nil {
		return fmt.Errorf("load time zone of the writer: %w", err)
	}
	d.epoch = time.Date(2015, 1, 1, 0, 0, 0, 0, d.zone).Unix()
	return nil
}

// take counts values before they are made.
func (d *decoding) take(n int) error {
	if n > d.left || n < 0 {
		return errLimit
	}
	d.left -= n
	return nil
}

// stream returns a stream of a column, empty if there is none.
func (d *decoding) stream(id, kind int) source {
	for _, s := range d.layout.streams {
		if s.column == uint64(id) && s.kind == uint64(kind) {
			return source{r: io.NewSectionReader(d.file.r, int64(s.offset), int64(s.size)), decoder: d.file.decoder}
		}
	}
	return source{r: bytes.NewReader(nil), decoder: d.file.decoder}
}

func (d *decoding) has(id, kind int) bool {
	for _, s := range d.layout.streams {
		if s.column == uint64(id) && s.kind == uint64(kind) && s.size > 0 {
			return true
		}
	}
	return false
}

// ints reads integers of a column, in the version that its encoding has.
func (d *decoding) ints(id, kind int, signed bool) *intReader {
	return &intReader{src: d.stream(id, kind), signed: signed, old: d.layout.encodings[id].kind < encodingDirectV2}
}

// column reads slots of a column and of those below it. It returns the id of
// the column after them.
func (d *decoding) column(id int, t *column.Type, v *column.Vector, slots int) (next int, err error) {
	if err := d.take(slots); err != nil {
		return 0, err
	}
	err = d.nulls(id, v, slots)
	if err == nil {
		err = d.values(id, t, v)
	}
	if err != nil {
		return 0, fmt.Errorf("column %s: %w", d.file.info.Columns[id].Name, err)
	}
	below := v.Present
	if t.Kind != column.Struct {
		below = v.Elements()
	}
	next = id + 1
	for i := range v.Children {
		if next, err = d.column(next, &t.Fields[i].Type, &v.Children[i], below); err != nil {
			return 0, err
		}
	}
	return next, nil
}

func (d *decoding) nulls(id int, v *column.Vector, slots int) error {
	if !d.has(id, kindPresent) {
		v.Present = slots
		return nil
	}
	if id == 0 {
		return errors.New("rows that are null are not supported")
	}
	r := bitReader{bytes: byteReader{src: d.stream(id, kindPresent)}}
	for i := range slots {
		there, err := r.next()
		if err != nil {
			return fmt.Errorf("read which are null: %w", err)
		}
		if there {
			v.Present++
		} else {
			v.Null(i + 1)
		}
	}
	return nil
}

func (d *decoding) values(id int, t *column.Type, v *column.Vector) error {
	n := v.Present
	switch t.Kind {
	case column.Struct:
		return nil
	case column.Array, column.Map:
		return d.lists(id, v, n)
	}
	if n == 0 {
		return nil
	}
	v.Values = make([]uint64, 0, min(n, 1<<16))
	switch t.Kind {
	case column.Boolean:
		r := bitReader{bytes: byteReader{src: d.stream(id, kindData)}}
		return fill(v, n, func() (uint64, error) {
			bit, err := r.next()
			if bit {
				return 1, err
			}
			return 0, err
		})
	case column.TinyInt:
		r := byteReader{src: d.stream(id, kindData)}
		return fill(v, n, func() (uint64, error) {
			b, err := r.next()
			return uint64(int8(b)), err
		})
	case column.SmallInt, column.Int, column.BigInt, column.Date:
		r := d.ints(id, kindData, true)
		return fill(v, n, func() (uint64, error) {
			x, err := r.next()
			return uint64(x), err
		})
	case column.Float, column.Double:
		return d.floats(id, t, v, n)
	case column.Decimal:
		return d.decimals(id, t, v, n)
	case column.Timestamp:
		return d.timestamps(id, v, n)
	}
	return d.texts(id, t, v, n)
}

// fill makes n values.
func fill(v *column.Vector, n int, next func() (uint64, error)) error {
	for range n {
		x, err := next()
		if err != nil {
			return err
		}
		v.Values = append(v.Values, x)
	}
	return nil
}

func (d *decoding) lists(id int, v *column.Vector, n int) error {
	r := d.ints(id, kindLength, false)
	end := int64(0)
	for range n {
		x, err := r.next()
		if err != nil {
			return err
		}
		if x < 0 || x > int64(d.left)-end {
			return errLimit
		}
		end += x
		v.Ends = append(v.Ends, uint32(end))
	}
	return nil
}

func (d *decoding) floats(id int, t *column.Type, v *column.Vector, n int) error {
	src := d.stream(id, kindData)
	var p [8]byte
	size := 8
	if t.Kind == column.Float {
		size = 4
	}
	return fill(v, n, func() (uint64, error) {
		err := src.full(p[:size])
		return binary.LittleEndian.Uint64(p[:]), err
	})
}

func (d *decoding) decimals(id int, t *column.Type, v *column.Vector, n int) error {
	src := d.stream(id, kindData)
	scales := d.ints(id, kindSecondary, true)
	var p [19]byte
	return fill(v, n, func() (uint64, error) {
		k := 0
		for ; ; k++ {
			b, err := src.ReadByte()
			if err != nil {
				return 0, err
			}
			if k == len(p) {
				return 0, errors.New("a decimal has too many digits")
			}
			if p[k] = b; b < 0x80 {
				break
			}
		}
		x, read := fromVarint(p[:k+1])
		if read == 0 {
			return 0, errors.New("a decimal has too many digits")
		}
		scale, err := scales.next()
		if err != nil {
			return 0, err
		}
		if x, err = rescale(x, scale, t); err != nil {
			return 0, err
		}
		if !t.Wide() {
			return x.low, nil
		}
		return d.place(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(x.high)), x.low))
	})
}

// rescale gives a value the scale of its type: writers leave out zeros.
func rescale(x int128, scale int64, t *column.Type) (int128, error) {
	if scale > int64(t.Scale) || scale < -column.MaxPrecision {
		return x, fmt.Errorf("a decimal has scale %d, more than that of its type", scale)
	}
	for ; scale < int64(t.Scale) && x != (int128{}); scale++ {
		if x.digits() >= column.MaxPrecision {
			break
		}
		x = x.tenfold()
	}
	if x.digits() > t.Precision {
		return x, fmt.Errorf("a decimal has more than %d digits", t.Precision)
	}
	return x, nil
}

// farthest is how many seconds around 1970 int64 has nanoseconds for.
const farthest = math.MaxInt64/1_000_000_000 - 1

var errTime = errors.New("a timestamp is not between the years 1677 and 2262")

func (d *decoding) timestamps(id int, v *column.Vector, n int) error {
	seconds, nanos := d.ints(id, kindData, true), d.ints(id, kindSecondary, false)
	instant := d.file.types[id].code == codeInstant
	base := d.epoch
	if instant {
		base = epoch
	}
	return fill(v, n, func() (uint64, error) {
		s, err := seconds.next()
		if err != nil {
			return 0, err
		}
		packed, err := nanos.next()
		if err != nil {
			return 0, err
		}
		nano, ok := unpackNanos(packed)
		if !ok || s > 2*farthest || s < -2*farthest {
			return 0, errTime
		}
		s += base
		if s < 0 && nano > 999_999 {
			s--
		}
		if !instant && d.zone != time.UTC { // what the clock of the writer showed
			_, offset := time.Unix(s, 0).In(d.zone).Zone()
			s += int64(offset)
		}
		if s > farthest || s < -farthest {
			return 0, errTime
		}
		return uint64(s*1e9 + nano), nil
	})
}

// unpackNanos undoes packNanos. Arrow's writer has negative ones before 1970.
func unpackNanos(v int64) (nano int64, ok bool) {
	zeros := v & 7
	v >>= 3
	if v <= -1e9 || v >= 1e9 {
		return 0, false
	}
	if zeros > 0 {
		for range zeros + 1 {
			v *= 10
		}
	}
	return v, -1e9 < v && v < 1e9
}

func (d *decoding) texts(id int, t *column.Type, v *column.Vector, n int) error {
	kind := d.layout.encodings[id].kind
	if kind == encodingDictionary || kind == encodingDictionaryV2 {
		return d.references(id, t, v, n)
	}
	src := d.stream(id, kindData)
	lengths := d.ints(id, kindLength, false)
	return fill(v, n, func() (uint64, error) { return d.text(&src, lengths, t) })
}

// text reads the next value.
func (d *decoding) text(src *source, lengths *intReader, t *column.Type) (uint64, error) {
	n, err := lengths.next()
	if err != nil {
		return 0, err
	}
	if n < 0 || n > math.MaxInt32 {
		return 0, errRun
	}
	if err := d.take(int(n)); err != nil {
		return 0, err
	}
	start := len(d.batch.Side)
	if d.batch.Side, err = src.add(d.batch.Side, uint64(n)); err != nil {
		return 0, err
	}
	p := d.batch.Side[start:]
	if t.Kind == column.Char {
		p = bytes.TrimRight(p, " ")
	}
	if t.Kind != column.Binary && !utf8.Valid(p) {
		p = append([]byte(nil), bytes.ToValidUTF8(p, []byte("\uFFFD"))...)
	}
	d.batch.Side = append(d.batch.Side[:start], p...)
	if len(d.batch.Side) > math.MaxInt32 {
		return 0, errLimit
	}
	return column.SidePlace(start, len(p)), nil
}

// place keeps bytes in the batch.
func (d *decoding) place(p []byte) (uint64, error) {
	start := len(d.batch.Side)
	d.batch.Side = append(d.batch.Side, p...)
	if len(d.batch.Side) > math.MaxInt32 {
		return 0, errLimit
	}
	return column.SidePlace(start, len(p)), nil
}

// references reads values of a dictionary.
func (d *decoding) references(id int, t *column.Type, v *column.Vector, n int) error {
	size := d.layout.encodings[id].dictionary
	if size > uint64(d.left) {
		return errLimit
	}
	d.left -= int(size)
	src := d.stream(id, kindDictionary)
	lengths := d.ints(id, kindLength, false)
	var dictionary []uint64
	for range size {
		place, err := d.text(&src, lengths, t)
		if err != nil {
			return fmt.Errorf("read dictionary: %w", err)
		}
		dictionary = append(dictionary, place)
	}
	r := d.ints(id, kindData, false)
	return fill(v, n, func() (uint64, error) {
		key, err := r.next()
		if err != nil {
			return 0, err
		}
		if key < 0 || key >= int64(len(dictionary)) {
			return 0, fmt.Errorf("value %d is not in a dictionary of %d", key, len(dictionary))
		}
		return dictionary[key], nil
	})
}
