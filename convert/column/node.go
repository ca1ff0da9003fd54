package column

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// node is a node of the schema, prepared for parsing.
type node struct {
	typ  Type
	path string  // for messages: "payload.commits[].sha"
	v    *Vector // of the batch that is being filled

	required bool
	least    int64 // of an integer
	most     int64
	limit    uint128 // of a decimal: the least unscaled value that is too large

	children []node
	keys     keys    // of a struct
	demanded []*node // of a struct: the fields that a value must have
	extra    *node   // of the root: takes the unknown fields; may be nil
	strict   bool    // of a struct: unknown fields are not just left out
}

// bind makes the node write to a vector and its children to those below.
func (n *node) bind(v *Vector) {
	n.v = v
	for i := range n.children {
		n.children[i].bind(&v.Children[i])
	}
}

// unbind lets go of the batch.
func (n *node) unbind() {
	n.v = nil
	for i := range n.children {
		n.children[i].unbind()
	}
}

// settle counts the values present, which put does not: their number is that
// of the entries.
func (n *node) settle() {
	n.v.Present = n.present()
	for i := range n.children {
		n.children[i].settle()
	}
}

func (n *node) present() int {
	switch n.typ.Kind {
	case Struct:
		return n.v.Present
	case Array, Map:
		return len(n.v.Ends)
	}
	return len(n.v.Values)
}

func (n *node) slots() int { return n.present() + n.v.Nulls }

// put adds a plain value at a slot.
func (n *node) put(slot int, x uint64) { n.putTo(n.v, slot, x) }

// putTo is put with the node's vector, and so small that the compiler inlines
// it.
func (n *node) putTo(v *Vector, slot int, x uint64) {
	if len(v.Values)+v.Nulls != slot {
		n.adjust(slot)
	}
	v.Values = append(v.Values, x)
}

// adjust makes the slot the next of the vector: slots that were left out become
// null, and those of an earlier field of the same name are given up.
func (n *node) adjust(slot int) {
	if n.slots() > slot {
		n.settle()
		n.v.Truncate(&n.typ, slot)
		return
	}
	n.v.Present = n.present()
	n.v.Null(slot)
}

// null leaves the slot without a value.
func (n *node) null(slot int) {
	if n.slots() > slot {
		n.adjust(slot)
	}
}

// build makes the nodes of the schema.
func (p *Parser) build() error {
	p.root = node{typ: p.schema.Root(), required: true}
	if err := p.root.build(p); err != nil {
		return err
	}
	if p.options.UnknownFields != ToExtraColumn {
		return nil
	}
	for i := range p.root.children {
		if f := &p.schema.Columns[i]; f.Name == p.options.ExtraColumn {
			if f.Type.Kind != String || f.Required {
				return fmt.Errorf("column %s cannot take unknown fields: make it a string that may be null", f.Name)
			}
			p.root.extra = &p.root.children[i]
			return nil
		}
	}
	return fmt.Errorf("column %q for unknown fields is not in the schema: add it, of type string", p.options.ExtraColumn)
}

func (n *node) build(p *Parser) error {
	switch n.typ.Kind {
	case TinyInt:
		n.least, n.most = math.MinInt8, math.MaxInt8
	case SmallInt:
		n.least, n.most = math.MinInt16, math.MaxInt16
	case Int:
		n.least, n.most = math.MinInt32, math.MaxInt32
	case BigInt:
		n.least, n.most = math.MinInt64, math.MaxInt64
	case Decimal:
		n.limit = tenTo(n.typ.Precision)
	}
	n.children = make([]node, len(n.typ.Fields))
	for i := range n.children {
		f := &n.typ.Fields[i]
		n.children[i] = node{typ: f.Type, path: n.typ.Below(n.path, i), required: f.Required}
		if err := n.children[i].build(p); err != nil {
			return err
		}
	}
	if n.typ.Kind == Struct {
		return n.buildKeys(p)
	}
	return nil
}

// String names the node for messages.
func (n *node) String() string { return "column " + n.path }

// buildKeys says which keys the fields of a struct have.
func (n *node) buildKeys(p *Parser) error {
	root := n == &p.root
	n.keys.init(p.options.CaseInsensitive, p.options.DotsToUnderscores)
	names := map[string]string{} // of columns called otherwise in JSON, normal
	n.strict = p.options.UnknownFields == AddColumn || root && p.options.UnknownFields != Ignore
	if leave := p.options.Leave; leave != nil && n.strict {
		n.keys.leave = func(name string) bool { return leave(n.typ.Fields, name) }
	}
	if root {
		for name, key := range p.options.Keys {
			normal := string(n.keys.normal([]byte(name)))
			if _, ok := names[normal]; ok {
				return fmt.Errorf("column %s has two keys: they differ in letter case only", name)
			}
			names[normal] = key
		}
	}
	for i := range n.children {
		child := &n.children[i]
		if child.required {
			n.demanded = append(n.demanded, child)
		}
		name := n.typ.Fields[i].Name
		if root && p.options.UnknownFields == ToExtraColumn && name == p.options.ExtraColumn {
			continue // no key has it
		}
		normal := string(n.keys.normal([]byte(name)))
		if key, ok := names[normal]; ok {
			delete(names, normal)
			normal = string(n.keys.normal([]byte(key)))
		}
		if other, ok := n.keys.fields[normal]; ok {
			return fmt.Errorf("columns %s and %s both have the key %q: rename one, or give it another key", other.path, child.path, normal)
		}
		n.keys.fields[normal] = child
	}
	for name := range n.keys.fields {
		if spelling := []byte(name); plain(spelling, 0) == len(spelling) {
			n.keys.learn(spelling)
		}
	}
	if len(names) > 0 {
		var unknown []string
		for name := range names {
			unknown = append(unknown, name)
		}
		slices.Sort(unknown)
		return errors.New("keys are given for columns that are not in the schema: " + strings.Join(unknown, ", "))
	}
	return nil
}
