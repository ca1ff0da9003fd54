package inspect

import (
	"math/big"
	"testing"
)

func TestPointed(t *testing.T) {
	for _, tt := range []struct {
		n     int64
		scale int
		want  string
	}{
		{0, 0, "0"}, {12345, 2, "123.45"}, {-5, 3, "-0.005"}, {7, -2, "7e2"}, {-1, 2_000_000_000, "-1e-2000000000"},
	} {
		if got := pointed(big.NewInt(tt.n), tt.scale); got != tt.want {
			t.Errorf("pointed(%d, %d) = %s, want %s", tt.n, tt.scale, got, tt.want)
		}
	}
}
