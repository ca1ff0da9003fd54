package conversion

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/schema"
	"github.com/hydrant-dev/hydrant/sinks"
)

// SchemaFile is the name under which a stream keeps its inferred columns, in
// its folder of the data directory.
const SchemaFile = "schema.json"

// inferred is a format whose columns the first batch decides. That batch is
// encoded twice: the first encoder only looks at the records, writes down what
// it decided, and ends with convert.ErrAgain. The batch is planned by then, so
// a crash before the decision is durable only means that it is taken again,
// by the same records. From then on every encoder of the stream has it, after
// restarts too; or what became of it since, see evolving.
type inferred struct {
	config *Config
	env    sinks.Env

	mu  sync.Mutex
	now *decision // nil until there is one
}

// decision is the columns as they are written down.
type decision struct {
	text    []byte
	decided *schema.Decided
	format  column.Format
}

// Extension returns that of the output.
func (f *inferred) Extension() string { return f.config.Output.Extension() }

// ContentType returns what Firehose gives to every object.
func (f *inferred) ContentType() string { return column.Format{}.ContentType() }

// NewEncoder starts a file, or looks at records if nothing is decided.
func (f *inferred) NewEncoder(w io.Writer) (convert.Encoder, error) {
	d, err := f.decide(nil)
	if errors.Is(err, errUndecided) {
		return &looking{format: f, inference: f.config.inference()}, nil
	}
	if err != nil {
		return nil, err
	}
	if f.config.evolves() {
		return f.evolving(w, d)
	}
	return d.format.NewEncoder(w)
}

// errUndecided says that no schema was inferred yet.
var errUndecided = errors.New("nothing is decided yet")

// decide returns the columns that were decided, be it here and now, by inf.
// Without inf it fails with errUndecided where there is no decision.
func (f *inferred) decide(inf *schema.Inference) (*decision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now != nil {
		return f.now, nil
	}
	text, err := f.env.Decisions.Decide(SchemaFile, func() ([]byte, error) {
		if inf == nil {
			return nil, errUndecided
		}
		return f.infer(inf)
	})
	if err == nil {
		err = f.adopt(text)
	}
	if err != nil {
		return nil, fmt.Errorf("decide columns: %w", err)
	}
	if inf != nil {
		stay := "stay as they are"
		if f.config.evolves() {
			stay = "change only as allowed"
		}
		f.note(fmt.Sprintf("columns were decided and %s: %s; see them with: hydrant explain --schema %s",
			stay, plural(len(f.now.decided.Schema.Columns), "column"), f.env.Stream))
	}
	return f.now, nil
}

// adopt takes over what is written down.
func (f *inferred) adopt(text []byte) error {
	d, err := schema.Unmarshal(text)
	if err != nil {
		return fmt.Errorf("%w; correct %s of the stream, or remove it to infer them again, while hydrant is stopped", err, SchemaFile)
	}
	now, err := f.decision(d)
	if err != nil {
		return err
	}
	now.text = text // someone may have written it otherwise
	f.now = now
	return nil
}

// decision makes what is needed to encode with columns.
func (f *inferred) decision(d *schema.Decided) (*decision, error) {
	text, err := d.Marshal()
	if err != nil {
		return nil, err
	}
	format, err := f.config.format(f.config.withExtra(d.Schema), f.env.Memory)
	if err != nil {
		return nil, err
	}
	return &decision{text, d, format}, nil
}

func (f *inferred) note(text string) {
	if f.env.Note != nil {
		f.env.Note(text)
	}
}

func (f *inferred) warn(text string) {
	if f.env.Warn != nil {
		f.env.Warn(text)
	}
}

// infer writes down what the records say.
func (f *inferred) infer(inf *schema.Inference) ([]byte, error) {
	d, err := inf.Decided()
	if err != nil {
		return nil, err
	}
	if f.config.Schema.OnUnknownField == column.ToExtraColumn {
		// A field of that name is kept in the column as every unknown one.
		d.Schema.Columns = slices.DeleteFunc(d.Schema.Columns, func(c column.Field) bool { return strings.EqualFold(c.Name, f.config.extraColumn()) })
	}
	if left := d.From.Left; len(left) > 0 {
		f.warn(fmt.Sprintf("no column was inferred for %s: %s; write columns to have them",
			plural(len(left), "key"), strings.Join(left[:min(len(left), 10)], ", ")))
	}
	fault.Point("K6-schema")
	return d.Marshal()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (c *Config) inference() *schema.Inference {
	inf := schema.NewInference(c.Schema.Infer.Sample)
	inf.DotsToUnderscores = c.InputFormat.JSON.DotsToUnderscores
	inf.Keys = c.InputFormat.JSON.KeyMappings
	inf.TimestampFormats = c.InputFormat.JSON.TimestampFormats
	return inf
}

// looking is the encoder that only looks.
type looking struct {
	format    *inferred
	inference *schema.Inference
	possible  bool // there is something to decide by
	enough    bool
}

// Append looks at records. As long as nothing can be decided they fail: a
// batch without one usable record is not encoded again.
func (e *looking) Append(c *buffer.Chunk, rows []int) error {
	for _, row := range rows {
		if e.enough {
			return nil
		}
		enough := e.inference.Add(c.Bytes(row))
		if !e.possible {
			_, err := e.inference.Schema()
			e.possible = err == nil
		}
		if !e.possible {
			c.Fail(row, unusable)
		}
		e.enough = enough && e.possible
	}
	return nil
}

// unusable is why a record fails that has nothing to infer columns from.
var unusable = &buffer.Failure{Output: "format-conversion-failed", Code: "DataFormatConversion.ParseError",
	Message: "The record is no JSON object with fields, and no columns are known yet.", Attempts: 1}

// Abandon forgets what was seen.
func (e *looking) Abandon() {}

// Close decides.
func (e *looking) Close() error {
	if !e.possible {
		return nil
	}
	if _, err := e.format.decide(e.inference); err != nil {
		return err
	}
	fault.Point("K6-decided")
	return convert.ErrAgain
}
