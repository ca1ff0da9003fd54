package conversion

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/schema"
)

// ReadFile reads the file that describes the columns, if one is configured.
// Relative names begin at dir. It comes before Validate, and once: a file that
// changes later changes nothing until the configuration is read again. Errors
// are *field.Error.
func (c *Config) ReadFile(dir string) error {
	name := c.Schema.File
	if name == "" || !c.Enabled {
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	f, err := schema.ReadFile(name)
	if err != nil {
		return fileProblem(c.Schema.File, err)
	}
	c.file = f.Schema
	return nil
}

// FileColumns returns what the file said, as one would write it under columns,
// or nil if none was read.
func (c *Config) FileColumns() []schema.Column {
	if c.file == nil {
		return nil
	}
	return schema.Columns(c.file)
}

func fileProblem(name string, err error) error {
	const path = "schema.file"
	var bad *schema.Error
	if !errors.As(err, &bad) {
		return field.Errorf(path, "name a file that hydrant may read; relative names begin at the configuration file", "%v", err)
	}
	text := bad.Text
	if bad.Line > 0 {
		text = fmt.Sprintf("%s:%d:%d: %s", name, bad.Line, bad.Column, bad.Text)
	}
	return field.Errorf(path, bad.Hint, "%s", text)
}
