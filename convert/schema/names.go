package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// names are those of the columns of a table, or of the fields of a struct.
type names map[string]bool

// refuse adds a name, or reports what is wrong with it and what to do.
func (n names) refuse(name string) (why, hint string) {
	if why := unfitName(name); why != "" {
		return why, nameHint
	}
	if n[fold(name)] {
		return fmt.Sprintf("the name %q is there twice", name), "rename or remove one; letter case makes no difference between names"
	}
	n[fold(name)] = true
	return "", ""
}

// fold makes names equal that Hive cannot tell apart.
func fold(name string) string { return strings.ToLower(name) }

// maxName is the limit of Glue.
const maxName = 255

const nameHint = "a name has 1 to 255 bytes and neither dots nor control characters; letters, digits and _ work everywhere"

// unfitName reports what is wrong with a name, or "". Hive takes nearly
// everything since 0.13; Firehose takes no dots.
func unfitName(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case len(name) > maxName:
		return fmt.Sprintf("the name %.20q... has %d bytes, at most %d are allowed", name, len(name), maxName)
	case !utf8.ValidString(name):
		return fmt.Sprintf("the name %q is not valid UTF-8", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return fmt.Sprintf("the name %q has a control character", name)
	case strings.Contains(name, "."):
		return fmt.Sprintf("the name %q has a dot, which Hive takes for the way into a struct; call it %s: convert_dots_in_json_keys_to_underscores fills it",
			name, strings.ReplaceAll(name, ".", "_"))
	}
	return ""
}
