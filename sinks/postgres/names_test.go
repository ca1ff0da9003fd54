package postgres

import (
	"os"
	"strings"
	"testing"
)

func TestTheDocumentedCheckpointTableIsTheOneThatIsMade(t *testing.T) {
	text, err := os.ReadFile("../../docs/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, `"`, "")), " ") }
	for _, sql := range checkpointsSQL(relation{"public", checkpointsName}) {
		if !strings.Contains(plain(string(text)), plain(sql)+";") {
			t.Errorf("docs/postgres.md lacks %s;", plain(sql))
		}
	}
}
