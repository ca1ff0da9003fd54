package convert

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/schema"
)

// ParseColumns reads columns as they stand in a Hive table: "id bigint, at
// timestamp, tags array<string>".
func ParseColumns(text string) (*column.Schema, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New(`read columns: there are none; write "id bigint, name string"`)
	}
	f, err := schema.Parse("columns.sql", []byte("CREATE TABLE t (\n"+text+"\n)"))
	var bad *schema.Error
	if errors.As(err, &bad) {
		text := bad.Text
		if bad.Hint != "" {
			text += "; " + bad.Hint
		}
		return nil, fmt.Errorf("read columns, character %d: %s", bad.Column, text)
	}
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	return f.Schema, nil
}
