package configs

import (
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// followSecrets finds the secrets of v, which was filled from n, that are
// written as ${file:/path}: when the file is replaced, the next request shall
// use what it holds then.
func (l *loader) followSecrets(f *file, n *yaml.Node, v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		if !v.CanAddr() {
			return
		}
		if secret, ok := v.Addr().Interface().(*field.Secret); ok {
			if path, ok := l.secretFile(f, n); ok {
				secret.Follow(path)
			}
			return
		}
		for i := range v.NumField() {
			name, inline, ok := fieldName(v.Type().Field(i))
			if !ok {
				continue
			}
			if inline {
				l.followSecrets(f, n, v.Field(i))
			} else if _, child := get(n, name); child != nil {
				l.followSecrets(f, child, v.Field(i))
			}
		}
	case reflect.Map:
		for key, child := range entries(n) {
			name := reflect.ValueOf(key.Value).Convert(v.Type().Key())
			if old := v.MapIndex(name); old.IsValid() {
				value := reflect.New(old.Type()).Elem() // what is in a map has no address
				value.Set(old)
				l.followSecrets(f, child, value)
				v.SetMapIndex(name, value)
			}
		}
	case reflect.Slice:
		for i := range min(v.Len(), len(n.Content)) {
			l.followSecrets(f, n.Content[i], v.Index(i))
		}
	}
}

// secretFile returns the file that a value came from, if it is nothing but the
// content of one.
func (l *loader) secretFile(f *file, n *yaml.Node) (path string, ok bool) {
	path, ok = strings.CutPrefix(l.written[n], "${file:")
	if !ok || strings.IndexByte(path, '}') != len(path)-1 {
		return "", false
	}
	path = strings.TrimSuffix(path, "}")
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.dir, path)
	}
	return path, true
}
