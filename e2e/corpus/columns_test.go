package corpus

import (
	"strings"
	"testing"
)

func TestTablesHaveTheColumnsTheyClaim(t *testing.T) {
	for name, want := range map[string]int{"clicks": 15, "github": 84, "sensors": 43} {
		plain, lists := 0, 0
		for _, c := range Columns(name) {
			plain += max(1, strings.Count(c.Type, ":")-strings.Count(c.Type, ":struct<")-strings.Count(c.Type, ":array<"))
			lists += strings.Count(c.Type, "array<struct<")
		}
		if plain != want || name == "github" && lists != 3 {
			t.Errorf("%s: %d plain values and %d lists, want %d", name, plain, lists, want)
		}
	}
	if c := Columns("trades"); c != nil {
		t.Errorf("Columns(%q) = %v, want nil", "trades", c)
	}
}
