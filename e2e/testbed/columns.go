package testbed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/hydrant-dev/hydrant/e2e/oracle"
)

// readParquet puts the records of a file together again. The columns are the
// members of the oracle's records, all of them text.
func readParquet(tally *oracle.Tally, key string, body io.Reader) error {
	content, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read object %s: %w", key, err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return fmt.Errorf("open object %s: %w", key, err)
	}
	var names []string
	for _, path := range f.Schema().Columns() {
		names = append(names, path[0])
	}
	var records bytes.Buffer
	for _, g := range f.RowGroups() {
		if err := readGroup(&records, g, names); err != nil {
			return fmt.Errorf("read object %s: %w", key, err)
		}
	}
	return tally.Object(key, &records, true)
}

func readGroup(records *bytes.Buffer, g parquet.RowGroup, names []string) (err error) {
	rows := g.Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	some := make([]parquet.Row, 64)
	for {
		n, err := rows.ReadRows(some)
		for _, row := range some[:n] {
			value := map[string]string{}
			for _, v := range row {
				if !v.IsNull() {
					value[names[v.Column()]] = string(v.ByteArray())
				}
			}
			fmt.Fprintf(records, "{\"id\":%q,\"size\":%q,\"sum\":%q,\"pad\":%q}\n", value["id"], value["size"], value["sum"], value["pad"])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readFailed reads the records in an object of the error output, and counts
// them.
func readFailed(tally *oracle.Tally, key string, body io.Reader) error {
	lines := bufio.NewReader(body)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read object %s: %w", key, err)
		}
		var failed struct {
			LastErrorCode string
			RawData       []byte
		}
		if err := json.Unmarshal(line, &failed); err != nil || failed.LastErrorCode == "" {
			return fmt.Errorf("object %s: %.200s: not an error record: %v", key, line, err)
		}
		if err := tally.Object(key, bytes.NewReader(failed.RawData), false); err != nil {
			return err
		}
	}
}
