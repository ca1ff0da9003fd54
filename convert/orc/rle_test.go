package orc

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decodeInts reads n integers.
func decodeInts(p []byte, n int, signed, old bool) ([]int64, error) {
	r := intReader{src: source{r: bytes.NewReader(p), decoder: &decoder{}}, signed: signed, old: old}
	var out []int64
	for range n {
		v, err := r.next()
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

func repeat(v int64, n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// The examples of the specification.
func TestIntegersAreEncodedAsTheSpecificationShows(t *testing.T) {
	patched := []int64{2030, 2000, 2020, 1000000, 2040, 2050, 2060, 2070, 2080, 2090, 2100, 2110, 2120, 2130, 2140, 2150, 2160, 2170, 2180, 2190}
	for _, c := range []struct {
		name   string
		values []int64
		old    bool
		want   string
	}{
		{"short repeat", repeat(10000, 5), false, "0a2710"},
		{"direct", []int64{23713, 43806, 57005, 48879}, false, "5e035ca1ab1edeadbeef"},
		{"patched base", patched, false, "8e132b2107d01e0014702832" + "3c46505a646e78828c96a0aab4befce8"},
		{"delta", []int64{2, 3, 5, 7, 11, 13, 17, 19, 23, 29}, false, "c6090202" + "22424246"},
		{"repeat in delta", repeat(7, 512), false, "c1ff0700"},
		{"steady", []int64{5, 10, 15, 20, 25}, false, "c004050a"},
		{"old run", repeat(7, 100), true, "610007"},
		{"old literals", []int64{2, 3, 4, 7, 11}, true, "000102" + "fe070b"},
	} {
		encode := appendRLE2
		if c.old {
			encode = appendRLE1
		}
		p := encode(nil, c.values, false)
		if got := hex.EncodeToString(p); got != c.want {
			t.Errorf("%s: %v = %s, want %s", c.name, c.values, got, c.want)
		}
		got, err := decodeInts(p, len(c.values), false, c.old)
		if diff := cmp.Diff(c.values, got); err != nil || diff != "" {
			t.Errorf("%s: comes back with %v, %s", c.name, err, diff)
		}
	}
}

// someInts returns values of one habit or several.
func someInts(r *rand.Rand, signed bool) []int64 {
	v := make([]int64, 1+r.IntN(longestIntRun))
	habit, last := 0, int64(0)
	scale := r.IntN(64)
	for i := range v {
		if i == 0 || r.IntN(60) == 0 {
			habit = r.IntN(7)
			last = int64(r.Uint64() >> 1 >> scale)
		}
		switch habit {
		case 0: // repeats
		case 1: // rises
			last += int64(r.IntN(9))
		case 2: // falls
			last = max(last-int64(r.IntN(1000)), 0)
		case 3: // anything
			last = int64(r.Uint64() >> 1 >> scale)
		case 4: // small with outliers
			if last = int64(r.IntN(200)); r.IntN(20) == 0 {
				last += int64(r.Uint64() >> (8 + r.IntN(40)))
			}
		case 5: // a ramp
			last += 3
		case 6: // the ends of the range
			last = []int64{0, math.MaxInt64, 1}[r.IntN(3)]
			if signed && r.IntN(3) == 0 {
				last = math.MinInt64
			}
		}
		v[i] = last
		if signed && habit != 6 && r.IntN(4) == 0 {
			v[i] = -last
		}
		v[i] = max(v[i], math.MinInt64)
		if !signed && v[i] < 0 {
			v[i], last = 0, 0
		}
	}
	return v
}

func TestIntegersComeBack(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 3))
		signed := seed%2 == 0
		want := someInts(r, signed)
		for _, old := range []bool{false, true} {
			encode := appendRLE2
			if old {
				encode = appendRLE1
			}
			got, err := decodeInts(encode(nil, want, signed), len(want), signed, old)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("seed %d, signed %v, old %v: %v\n%v\n%.1000s", seed, signed, old, err, want, diff)
			}
		}
	}
}

// Each encoding is there because it is smaller than direct for such values.
func TestEncodingsAreChosenForWhatTheyAreGoodAt(t *testing.T) {
	rising, outliers, tuples := make([]int64, 512), make([]int64, 512), make([]int64, 512)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range rising {
		rising[i] = 1<<40 + int64(i*10+r.IntN(10))
		outliers[i] = int64(r.IntN(200))
		if i%50 == 7 {
			outliers[i] += 1 << 30
		}
		tuples[i] = int64(i / 64)
	}
	for _, c := range []struct {
		name   string
		values []int64
		most   int // bytes
	}{
		{"delta", rising, 530}, {"patched base", outliers, 600}, {"repeats", tuples, 8 * 5},
	} {
		if n := len(appendRLE2(nil, c.values, false)); n > c.most {
			t.Errorf("%s: %d bytes, want at most %d", c.name, n, c.most)
		}
	}
}

func TestBytesComeBack(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 4))
		want := make([]byte, r.IntN(2000))
		for i := range want {
			if i > 0 && r.IntN(10) < int(seed%10) {
				want[i] = want[i-1]
			} else {
				want[i] = byte(r.IntN(256))
			}
		}
		w := bytesRLE{out: stream{shared: &shared{compression: None}}}
		for rest := want; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n] == rest[0] {
				n++
			}
			w.repeat(rest[0], n) // the same as adding one by one
			rest = rest[n:]
		}
		w.finish()
		one := bytesRLE{out: stream{shared: &shared{compression: None}}}
		for _, b := range want {
			one.add(b)
		}
		one.finish()
		if !bytes.Equal(w.out.all(), one.out.all()) {
			t.Fatalf("seed %d: repeats are encoded in another way than single bytes", seed)
		}
		rd := byteReader{src: source{r: bytes.NewReader(w.out.all()), decoder: &decoder{}}}
		for i := range want {
			if b, err := rd.next(); err != nil || b != want[i] {
				t.Fatalf("seed %d: byte %d = %d, %v, want %d", seed, i, b, err, want[i])
			}
		}
	}
}

func TestByteRunsAsTheSpecificationShows(t *testing.T) {
	for want, values := range map[string][]byte{"6100": make([]byte, 100), "fe4445": {0x44, 0x45}} {
		w := bytesRLE{out: stream{shared: &shared{compression: None}}}
		for _, b := range values {
			w.add(b)
		}
		w.finish()
		if got := hex.EncodeToString(w.out.all()); got != want {
			t.Errorf("%x = %s, want %s", values, got, want)
		}
	}
}

func TestBitsComeBack(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		w := bitsRLE{packed: bytesRLE{out: stream{shared: &shared{compression: None}}}}
		var want []bool
		for range r.IntN(100) {
			bit, n := r.IntN(2) == 0, r.IntN(50)
			if r.IntN(2) == 0 {
				w.repeat(bit, n)
			} else {
				v := uint64(0)
				if bit {
					v = 1
				}
				for range n {
					w.add([]uint64{v})
				}
			}
			for range n {
				want = append(want, bit)
			}
		}
		w.finish()
		rd := bitReader{bytes: byteReader{src: source{r: bytes.NewReader(w.packed.out.all()), decoder: &decoder{}}}}
		for i := range want {
			if b, err := rd.next(); err != nil || b != want[i] {
				t.Fatalf("seed %d: bit %d = %v, %v, want %v", seed, i, b, err, want[i])
			}
		}
	}
}

func FuzzIntegersNeverPanic(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(appendRLE2(nil, someInts(rand.New(rand.NewPCG(seed, 6)), seed%2 == 0), seed%2 == 0), seed%2 == 0, false)
	}
	f.Fuzz(func(t *testing.T, p []byte, signed, old bool) {
		_, _ = decodeInts(p, 5000, signed, old)
	})
}

func FuzzIntegersComeBack(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789"), uint8(8))
	f.Fuzz(func(t *testing.T, p []byte, size uint8) {
		n := int(size%8) + 1
		var want []int64
		for ; len(p) >= n && len(want) < longestIntRun; p = p[n:] {
			var v uint64
			for _, b := range p[:n] {
				v = v<<8 | uint64(b)
			}
			want = append(want, unzigzag(v))
		}
		if len(want) == 0 {
			return
		}
		got, err := decodeInts(appendRLE2(nil, want, true), len(want), true, false)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v: %v %s", want, err, diff)
		}
	})
}

func (s *stream) all() []byte { return bytes.Join(s.done, nil) }
