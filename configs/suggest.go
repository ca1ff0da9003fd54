package configs

import (
	"slices"
	"strings"
)

// nearest returns the candidate that word was probably meant to be.
func nearest(word string, candidates []string) (string, bool) {
	best, distance := "", 1+max(1, min(len(word)/3, 3))
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(word), strings.ToLower(c)); d < distance {
			best, distance = c, d
		}
	}
	if best != "" {
		return best, true
	}
	return longer(strings.ToLower(word), candidates)
}

// longer returns the only candidate that has all parts of word, which are
// between underscores: index_rotation_period for index_rotation.
func longer(word string, candidates []string) (only string, ok bool) {
	parts := strings.Split(word, "_")
	for _, c := range candidates {
		has := strings.Split(strings.ToLower(c), "_")
		missing := func(part string) bool { return !slices.Contains(has, part) }
		if len(parts) < 2 || slices.ContainsFunc(parts, missing) {
			continue
		}
		if ok {
			return "", false
		}
		only, ok = c, true
	}
	return only, ok
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that make b from a.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// didYouMean is the help for a word that is none of the known ones. The second
// result is the known word it seems to be.
func didYouMean(word string, words []string) (help, meant string) {
	if near, ok := nearest(word, words); ok {
		return "did you mean " + near + "?", near
	}
	if len(words) == 0 {
		return "it has no fields", ""
	}
	return "known: " + known(words), ""
}

// known lists words, if they are few enough to be of use.
func known(words []string) string {
	if len(words) > 10 {
		return strings.Join(words[:10], ", ") + ", … (see hydrant explain)"
	}
	return strings.Join(words, ", ")
}

// fieldHelp says what to write instead of a field that f does not have, and
// which of its fields is meant.
func fieldHelp(f *Field, word, value string) (help, meant string) {
	if c := f.child(strings.ToLower(word)); c != nil && f.Kind == Choice {
		return "did you mean " + c.Name + "?", c.Name
	}
	if help, meant := awsHelp(f, word, value); help != "" {
		return help, meant
	}
	if near, ok := nearest(word, f.names()); ok {
		return "did you mean " + near + "?", near
	}
	var below []string
	f.walk(func(c *Field) {
		if c != f && c.Name == word {
			below = append(below, strings.TrimPrefix(c.Path, f.Path+"."))
		}
	})
	if len(below) == 1 {
		return "it belongs deeper: " + below[0], ""
	}
	return didYouMean(word, f.names())
}
