package orc

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/column/columntest"
)

func trimAll(v any) any {
	switch x := v.(type) {
	case string:
		return strings.TrimRight(x, " ")
	case []any:
		for i := range x {
			x[i] = trimAll(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = trimAll(x[k])
		}
	}
	return v
}

func TestOthers(t *testing.T) {
	files, _ := filepath.Glob(os.Getenv("ORC_OTHERS"))
	n, bad := 0, 0
	for _, p := range files {
		data, _ := os.ReadFile(p)
		r, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		want, _ := os.ReadFile(strings.TrimSuffix(p, filepath.Ext(p)) + ".json")
		lines := strings.Split(strings.TrimRight(string(want), "\n"), "\n")
		i := 0
		for s := range r.Info().Stripes {
			var b column.Batch
			if err := r.Read(s, 1<<30, &b); err != nil {
				t.Errorf("%s: %v", p, err)
				bad++
				break
			}
			for _, row := range columntest.Rows(r.Schema(), &b) {
				j, _ := json.Marshal(canon(row))
				var x, y any
				json.Unmarshal(j, &x)
				json.Unmarshal([]byte(lines[i]), &y)
				j, _ = json.Marshal(trimAll(x))
				k, _ := json.Marshal(trimAll(y))
				if string(j) != string(k) {
					t.Errorf("%s row %d\n%.600s\n%.600s\n%v", p, i, j, k, r.Schema().Root())
					bad++
					break
				}
				i++
				n++
			}
		}
	}
	t.Log(len(files), n, bad)
}
