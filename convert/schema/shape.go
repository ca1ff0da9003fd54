package schema

import (
	"strconv"
	"strings"
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

func (s *shape) text(text string) {
	s.saw |= sawText
	switch {
	case isDate(text):
		s.saw |= sawDate
	case isTimestamp(text):
		s.saw |= sawTimestamp
	default:
		s.saw |= sawOtherText
	}
}

func isDate(text string) bool {
	if len(text) != len(time.DateOnly) {
		return false
	}
	at, err := time.Parse(time.DateOnly, text)
	return err == nil && at.Year() > 0
}

// isTimestamp reports whether a text is a point in time in the form of ISO
// 8601, with a blank for the T as many write it, that 64 bits of nanoseconds
// hold.
func isTimestamp(text string) bool {
	const form = "2006-01-02T15:04:05"
	if len(text) < len(form) || len(text) > len(form)+16 || text[10] != 'T' && text[10] != ' ' {
		return false
	}
	at, err := time.Parse(form, text[:10]+"T"+text[11:len(form)])
	if err != nil || at.Year() < 1678 || at.Year() > 2261 {
		return false
	}
	zone := text[len(form):]
	if strings.HasPrefix(zone, ".") {
		digits := zone[1:]
		zone = strings.TrimLeft(digits, "0123456789")
		if n := len(digits) - len(zone); n < 1 || n > 9 {
			return false
		}
	}
	if zone == "" || zone == "Z" {
		return true
	}
	for _, form := range []string{"-07:00", "-0700", "-07"} {
		if len(zone) == len(form) {
			_, err := time.Parse(form, zone)
			return err == nil
		}
	}
	return false
}

func (s *shape) add(name string, first int, of *shape) *shape {
	if s.index == nil {
		s.index = map[string]int{}
	}
	s.index[fold(name)] = len(s.fields)
	s.fields = append(s.fields, shapeField{name: name, first: first, shape: of})
	return of
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
			f := &other.fields[i]
			at, ok := s.index[fold(f.name)]
			if !ok {
				at = len(s.fields)
				s.add(f.name, s.objects+f.first, &shape{})
			}
			s.fields[at].shape.merge(f.shape)
		}
	}
	s.objects += other.objects
}

// isMap reports whether the keys of the objects are values rather than names.
func (s *shape) isMap() bool {
	if s.values != nil {
		return true
	}
	late := 0
	for i := range s.fields {
		if s.objects > 1 && 2*s.fields[i].first >= s.objects {
			late++
		}
	}
	return len(s.fields) > manyKeys && late*growthPart > len(s.fields)
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
