package field

import (
	"errors"
	"strings"
)

// Errors takes joined errors apart. An error of another type is about the
// whole component: it has no path.
func Errors(err error) []*Error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Error
		for _, e := range many.Unwrap() {
			all = append(all, Errors(e)...)
		}
		return all
	}
	var fe *Error
	if errors.As(err, &fe) {
		return []*Error{fe}
	}
	return []*Error{{Text: err.Error()}}
}

// Under puts a path before those of the errors of a part.
func Under(path string, err error) error {
	var all []error
	for _, e := range Errors(err) {
		moved := *e
		moved.Path = strings.TrimSuffix(path+"."+e.Path, ".")
		all = append(all, &moved)
	}
	return errors.Join(all...)
}
