package conversion

import (
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/sinks"
)

// Format returns what makes the objects of a stream.
func (c *Config) Format(env sinks.Env) (convert.Format, error) {
	if c.Schema.Infer != nil {
		return &inferred{config: c, env: env}, nil
	}
	s, err := c.columns()
	if err != nil {
		return nil, err
	}
	return c.format(s, env.Memory)
}
