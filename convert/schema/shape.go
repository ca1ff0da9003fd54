package schema

import (
	"strconv"
	"time"

	"github.com/hydrant-dev/hydrant/convert/column"
)

// shape is what was seen of the values at one place of the records.
type shape struct {
	saw     saw
	objects int // how many there were
	fields  []shapeField
	index   map[string]int // into fields, by folded name
	values  *shape         // of a map, once there were too many fields
	element *shape
}

type shapeField struct {
	name  string
	first int // how many objects there were before the first that had it
	times int // how many had it
	shape *shape
}

// saw is a set of kinds of values.
type saw uint16

const (
	sawBoolean saw = 1 << iota
	sawInteger
	sawLong // an integer beyond 64 bits
	sawFloat
	sawText // beside one of the following
	sawDate
	sawTimestamp
	sawOtherText
	sawArray
	sawObject

	sawNumber = sawInteger | sawLong | sawFloat
)

func (s *shape) number(text string) {
	if isInteger(text) {
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			s.saw |= sawInteger
			return
		}
		s.saw |= sawLong
		return
	}
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		s.saw |= sawText | sawOtherText // too large for a double
		return
	}
	s.saw |= sawFloat
}

func isDate(text []byte) bool {
	if len(text) != len(time.DateOnly) || text[4] != '-' {
		return false
	}
	at, err := time.Parse(time.DateOnly, string(text))
	return err == nil && at.Year() > 0
}

// add adds a field and returns it.
func (s *shape) add(name string, first int) *shapeField {
	if s.index == nil {
		s.index = map[string]int{}
	}
	s.index[fold(name)] = len(s.fields)
	s.fields = append(s.fields, shapeField{name: name, first: first, shape: &shape{}})
	return &s.fields[len(s.fields)-1]
}

// field returns the field of that name, or nil.
func (s *shape) field(name string) *shapeField {
	if at, ok := s.index[fold(name)]; ok {
		return &s.fields[at]
	}
	return nil
}

// size returns the number of shapes below s.
func (s *shape) size() int {
	n := 0
	for i := range s.fields {
		n += 1 + s.fields[i].shape.size()
	}
	for _, inner := range []*shape{s.values, s.element} {
		if inner != nil {
			n += 1 + inner.size()
		}
	}
	return n
}

// collapse turns the fields into the values of a map.
func (s *shape) collapse() {
	if s.values == nil {
		s.values = s.merged()
		s.fields, s.index = nil, nil
	}
}

// merged returns the shape of the values of all fields together.
func (s *shape) merged() *shape {
	if s.values != nil {
		return s.values
	}
	all := &shape{}
	for i := range s.fields {
		all.merge(s.fields[i].shape)
	}
	return all
}

// merge adds what another shape saw. It shares nothing with it.
func (s *shape) merge(other *shape) {
	s.saw |= other.saw
	if other.element != nil {
		if s.element == nil {
			s.element = &shape{}
		}
		s.element.merge(other.element)
	}
	if s.values != nil || other.values != nil || len(s.fields)+len(other.fields) > maxKeys {
		s.collapse()
		s.values.merge(other.merged())
	} else {
		for i := range other.fields {
			from := &other.fields[i]
			to := s.field(from.name)
			if to == nil {
				to = s.add(from.name, s.objects+from.first)
			}
			to.times += from.times
			to.shape.merge(from.shape)
		}
	}
	s.objects += other.objects
}

// isMap reports whether the keys of the objects are values rather than names:
// there are many, and among them not a few that came late and then hardly ever.
func (s *shape) isMap() bool {
	if s.values != nil {
		return true
	}
	values := 0
	for i := range s.fields {
		f := &s.fields[i]
		if 2*f.first >= s.objects && f.times*rareKey <= s.objects-f.first {
			values++
		}
	}
	return len(s.fields) > manyKeys && values*valueKeys > len(s.fields)
}

// typeOf returns the type that holds all values of a shape.
func (inf *Inference) typeOf(s *shape, path string) column.Type {
	plain := func(k column.Kind) column.Type { return column.Type{Kind: k} }
	switch s.saw {
	case sawBoolean:
		return plain(column.Boolean)
	case sawInteger:
		return plain(column.BigInt)
	case sawText | sawDate:
		return plain(column.Date)
	case sawText | sawTimestamp:
		return plain(column.Timestamp)
	case sawArray:
		if s.element == nil {
			return column.ArrayOf(plain(column.String))
		}
		return column.ArrayOf(inf.typeOf(s.element, path))
	case sawObject:
		if !s.isMap() {
			left := len(inf.left)
			if t := inf.structType(s, path+"."); len(t.Fields) > 0 {
				return t
			}
			inf.left = inf.left[:left] // they are keys of a map
		}
		return column.MapOf(plain(column.String), inf.typeOf(s.merged(), path))
	}
	if s.saw&sawFloat != 0 && s.saw&^sawNumber == 0 {
		return plain(column.Double)
	}
	return plain(column.String)
}

// structType makes a struct of the fields whose names can be names.
func (inf *Inference) structType(s *shape, path string) column.Type {
	t := column.Type{Kind: column.Struct}
	for i := range s.fields {
		f := &s.fields[i]
		if unfitName(f.name) != "" {
			inf.leave(path + f.name)
			continue
		}
		t.Fields = append(t.Fields, column.Field{Name: f.name, Type: inf.typeOf(f.shape, path+f.name)})
	}
	return t
}
