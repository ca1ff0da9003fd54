package column

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// TestPowersAreRight computes the table of eiselLemire.
func TestPowersAreRight(t *testing.T) {
	for e := leastPower; e <= mostPower; e++ {
		power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(e, -e))), nil)
		if e < 0 { // 2^k/10^-e, k large enough
			power.Quo(new(big.Int).Lsh(big.NewInt(1), 512), power)
		} else {
			power.Lsh(power, 512)
		}
		power.Rsh(power, uint(power.BitLen()-128))
		if want := fmt.Sprintf("%x", power); want != fmt.Sprintf("%x%016x", powers[e-leastPower][0], powers[e-leastPower][1]) {
			t.Errorf("1e%d: %x, want %s", e, powers[e-leastPower], want)
		}
	}
}

// checkFloats compares with strconv.
func checkFloats(t *testing.T, text string) {
	t.Helper()
	checkDouble(t, text)
	n, end := scanNumber([]byte(text+"        "), 0)
	if end != len(text) {
		t.Fatalf("%s ends at %d", text, end)
	}
	f64, ok64 := n.float64([]byte(text))
	want64, err := strconv.ParseFloat(text, 64)
	if ok64 != (err == nil) || ok64 && math.Float64bits(f64) != math.Float64bits(want64) {
		t.Fatalf("%s is %v %v, want %v %v", text, f64, ok64, want64, err)
	}
	f32, ok32 := n.float32([]byte(text))
	want32, err := strconv.ParseFloat(text, 32)
	if ok32 != (err == nil) || ok32 && math.Float32bits(f32) != math.Float32bits(float32(want32)) {
		t.Fatalf("%s is %v %v, want %v %v", text, f32, ok32, float32(want32), err)
	}
}

// checkDouble compares a double in a record with strconv.
func checkDouble(t *testing.T, text string) {
	t.Helper()
	p, err := NewParser(&Schema{Columns: []Field{{Name: "x", Type: Type{Kind: Double}}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, b := &buffer.Chunk{}, &Batch{}
	for _, after := range []string{"}", ` }`, `,"y":2}`} {
		c.AppendCopy([]byte(`{"x":`+text+after), time.Time{})
	}
	c.AppendCopy([]byte(strings.Repeat(" ", overhang)), time.Time{}) // where the fast ways may look
	p.Parse(c, []int{0, 1, 2}, b)
	want, err := strconv.ParseFloat(text, 64)
	if got := b.Root.Children[0].Values; (len(got) == 3) != (err == nil) {
		t.Fatalf("%s has %d values of 3, want an error: %v", text, len(got), err)
	}
	for _, got := range b.Root.Children[0].Values {
		if got != math.Float64bits(want) {
			t.Fatalf("%s is %v in a record, want %v", text, math.Float64frombits(got), want)
		}
	}
}

// TestLongDecimals goes around the edges of the fast ways.
func TestLongDecimals(t *testing.T) {
	digits := "9876543210123456789876543210"
	for whole := 1; whole <= 9; whole++ {
		for decimals := 1; decimals <= 20; decimals++ {
			checkDouble(t, digits[:whole]+"."+digits[3:3+decimals])
			checkDouble(t, "0."+strings.Repeat("0", decimals-1)+digits[:whole])
			checkDouble(t, "-"+digits[:whole]+"."+digits[3:3+decimals]+"e-3")
		}
	}
}

func TestFloatsAreTheNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200_000 {
		var text string
		switch f := math.Float64frombits(r.Uint64()); r.IntN(6) {
		case 0: // any double
			text = strconv.FormatFloat(f, 'e', -1, 64)
		case 1: // those of everyday
			text = strconv.FormatFloat(r.NormFloat64()*math.Pow(10, float64(r.IntN(10))), 'f', r.IntN(18), 64)
		case 2: // any number of digits and size
			text = fmt.Sprintf("%de%d", r.Uint64()>>r.IntN(64), r.IntN(200)-100)
		case 3: // right between two doubles or nearly so
			f = 1 + r.Float64()
			text = new(big.Float).Quo(new(big.Float).Add(big.NewFloat(f), big.NewFloat(math.Nextafter(f, 2))), big.NewFloat(2)).Text('f', 40+r.IntN(20))
		case 4: // and two floats
			f := float32(r.Float64())
			text = new(big.Float).Quo(new(big.Float).Add(big.NewFloat(float64(f)), big.NewFloat(float64(math.Nextafter32(f, 2)))), big.NewFloat(2)).Text('f', 40+r.IntN(20))
		case 5:
			text = strconv.FormatFloat(float64(math.Float32frombits(r.Uint32())), 'g', -1, 32)
		}
		if strings.ContainsAny(text, "NI") {
			continue
		}
		checkFloats(t, strings.Replace(text, "+", "", 1))
	}
}

func FuzzFloats(f *testing.F) {
	for _, text := range []string{"0", "-0.1", "1e23", "8.41e21", "9007199254740993", "2.2250738585072011e-308", "1.7976931348623159e308", "17.5e-46"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if end := skip([]byte(text), 0, 0); end == len(text) && !strings.ContainsAny(text, " \t\r\n\"[{tfn") {
			checkFloats(t, text)
		}
	})
}

func BenchmarkFloats(b *testing.B) {
	for _, text := range []string{"36.6", "101.325", "47.123456789012345", "6.02214076e23"} {
		b.Run(text, func(b *testing.B) {
			d := []byte(text + ",               ")
			for b.Loop() {
				n, end := scanNumber(d, 0)
				if _, ok := n.float64(d[:end]); !ok {
					b.Fatal("not a number")
				}
			}
		})
		b.Run("strconv/"+text, func(b *testing.B) {
			for b.Loop() {
				if _, err := strconv.ParseFloat(text, 64); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
