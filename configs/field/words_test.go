package field

import "testing"

func TestPercent(t *testing.T) {
	for text, want := range map[string]Percent{"5%": 0.05, " 12.5 % ": 0.125, "0%": 0, "100%": 1} {
		var p Percent
		if err := p.UnmarshalText([]byte(text)); err != nil || p != want {
			t.Errorf("%q = %v, %v, want %v", text, float64(p), err, float64(want))
		}
		var again Percent
		if err := again.UnmarshalText([]byte(p.String())); err != nil || again != p {
			t.Errorf("%v read again = %v, %v", p, again, err)
		}
	}
	for text, hint := range map[string]string{
		"5": "did you mean 5%?", "101%": "write a percentage like 5%", "-1%": "write a percentage like 5%",
		"NaN%": "write a percentage like 5%", "": "write a percentage like 5%",
	} {
		p := Percent(0.5)
		err := p.UnmarshalText([]byte(text))
		if fe, ok := err.(*Error); !ok || fe.Hint != hint || p != 0.5 {
			t.Errorf("%q: %v, p = %v; want hint %q and p unchanged", text, err, p, hint)
		}
	}
}

func TestOneOfTakesAnyLetterCase(t *testing.T) {
	for text, want := range map[string]string{"gzip": "GZIP", "GZIP": "GZIP", "Zip": "ZIP"} {
		if got, err := OneOf([]byte(text), "GZIP", "ZIP"); err != nil || got != want {
			t.Errorf("OneOf(%q) = %q, %v", text, got, err)
		}
	}
	if _, err := OneOf([]byte("zipp"), "GZIP", "ZIP"); err == nil {
		t.Error("zipp is known")
	}
}
