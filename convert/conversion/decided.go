package conversion

import "github.com/hydrant-dev/hydrant/convert/column"

// Columns returns the configured columns, or nil if records decide them.
func (c *Config) Columns() (*column.Schema, error) {
	if c.Schema.File == "" && len(c.Schema.Columns) == 0 {
		return nil, nil
	}
	return c.columns()
}

// FormatFor is Format for columns that were decided elsewhere.
func (c *Config) FormatFor(s *column.Schema) (column.Format, error) {
	return c.format(c.withExtra(s), nil)
}
