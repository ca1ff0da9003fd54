package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/conversion"
	"github.com/hydrant-dev/hydrant/convert/schema"
)

// schemaOf prints the columns of a stream as one would write them.
func (c *command) schemaOf(name string) error {
	config, err := c.loadConfig()
	if err != nil {
		return err
	}
	stream := config.Stream(name)
	if stream == nil {
		return fmt.Errorf("there is no stream %s in the configuration", name)
	}
	conv := stream.Conversion()
	if conv == nil || !conv.Enabled {
		return fmt.Errorf("stream %s does not convert records, so it has no columns; see: hydrant explain data_format_conversion", name)
	}
	var s *column.Schema
	from := "as configured"
	if conv.Schema.Infer == nil {
		s, err = conv.Columns()
	} else {
		s, from, err = c.inferred(config, name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "# stream %s: %s\ncolumns:\n", name, from)
	for _, col := range schema.Columns(s) {
		required := ""
		if col.Required {
			required = ", required: true"
		}
		fmt.Fprintf(c.stdout, "  - {name: %s, type: %s%s}\n", scalar(col.Name), scalar(col.Type), required)
	}
	return nil
}

// inferred reads what a running or stopped process decided.
func (c *command) inferred(config *configs.Config, name string) (*column.Schema, string, error) {
	fsys, err := c.openData([]string{config.Server.DataDir})
	if err != nil {
		return nil, "", err
	}
	text, err := buffer.Decided(fsys, name, conversion.SchemaFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("no columns are inferred for stream %s yet: its first batch decides them", name)
	}
	if err != nil {
		return nil, "", err
	}
	d, err := schema.Unmarshal(text)
	if err != nil {
		return nil, "", err
	}
	return d.Schema, d.From.String(), nil
}

// scalar quotes a text where YAML would read something else.
func scalar(s string) string {
	plain := strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" && strings.Trim(s, "0123456789_") != ""
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		plain = false
	}
	if plain {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
