package conversion

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/convert"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/convert/schema"
)

// evolving is an encoder for columns that its records may change, by the
// user's leave. If they do, it writes down the new columns and ends with
// convert.ErrAgain, so that the batch is encoded with these.
//
// No object is sent with other bytes under the same name: what is sent is what
// the batch's manifest names, and there is none before an encoder ends without
// ErrAgain. The batch is planned by then. So a crash before the columns are
// durable only means that the same records change them again, and a crash
// after that, that they are encoded with the new ones. (Only when a disk
// damages the spool of an object that was sent is it made again with columns
// that may have changed meanwhile. The store then keeps both and warns.)
//
// Encoders of several batches may work at the same time, each with the columns
// of when it began. Only the one that finds them unchanged when it ends may
// change them; another that would have wanted to begins again with what they
// became. As every ErrAgain thus comes with columns that are strictly wider
// than before, and types and their number have an end, so has this.
type evolving struct {
	convert.Encoder
	format    *inferred
	from      *decision
	evolution *schema.Evolution
}

// evolving starts a file with the columns of a decision.
func (f *inferred) evolving(w io.Writer, d *decision) (convert.Encoder, error) {
	options := f.config.options(d.decided.Schema)
	if options.UnknownFields == column.ToExtraColumn {
		options.UnknownFields = column.Ignore // that column is not among the decided ones
	}
	evolution := schema.NewEvolution(d.decided.Schema, options, f.config.Schema.Widen, f.config.inference())
	format := d.format
	format.Watch = evolution.Add
	e, err := format.NewEncoder(w)
	if err != nil {
		return nil, err
	}
	return &evolving{e, f, d, evolution}, nil
}

// Close ends the file, unless the columns have to change.
func (e *evolving) Close() error {
	s, changes := e.evolution.Schema()
	if len(changes) == 0 {
		return e.Encoder.Close()
	}
	next, err := e.format.decision(e.from.decided.Next(s, changes))
	if err != nil { // settings of the output can be such, as for a bloom filter
		e.format.warn(fmt.Sprintf("columns stay as they are, although records ask for others: %v", err))
		return e.Encoder.Close()
	}
	e.Abandon()
	if err := e.format.revise(e.from, next, changes); err != nil {
		return err
	}
	fault.Point("K6-changed")
	return convert.ErrAgain
}

// revise makes the changed columns those of the stream, if they still were what
// they have changed from.
func (f *inferred) revise(from, next *decision, changes []schema.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	ours := false
	text, err := f.env.Decisions.Revise(SchemaFile, func(decided []byte) ([]byte, error) {
		// Nothing is there if someone removed it just now.
		if ours = decided == nil || bytes.Equal(decided, from.text); !ours {
			return decided, nil
		}
		fault.Point("K6-change")
		return next.text, nil
	})
	switch {
	case err == nil && ours:
		f.now = next
		f.tell(from.decided.Schema, next.decided.Schema, changes)
	case err == nil:
		err = f.adopt(text)
	}
	if err != nil {
		return fmt.Errorf("change columns: %w", err)
	}
	return nil
}

// shownChanges is how many changes one message lists.
const shownChanges = 10

func (f *inferred) tell(from, to *column.Schema, changes []schema.Change) {
	var list []string
	for _, c := range changes[:min(len(changes), shownChanges)] {
		list = append(list, c.String())
	}
	if more := len(changes) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	f.note(fmt.Sprintf("columns were changed: %s; objects of before keep theirs; see them with: hydrant explain --schema %s",
		strings.Join(list, ", "), f.env.Stream))
	if schema.Full(to) && !schema.Full(from) {
		f.warn(fmt.Sprintf("no more columns are added, there are %d: further fields are left out; are their names values? write columns, with a map for them, in place of infer",
			len(to.Columns)))
	}
}
