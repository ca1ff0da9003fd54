package failed

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// longestReason is in bytes.
const longestReason = 100

// Reason returns a message without the parts that differ from record to
// record: what is in quotes, numbers, identifiers. Messages that say the same
// about different records are then equal.
func Reason(message string) string {
	var b strings.Builder
	for rest := message; rest != "" && b.Len() < longestReason; {
		c := rest[0]
		if c == '\n' || c == '\r' {
			break
		}
		if c == '"' || c == '`' || c == '\'' {
			if end := closing(rest); end > 0 {
				b.WriteString(rest[:1] + "…" + rest[:1])
				rest = rest[end:]
				continue
			}
		}
		if isWord(c) {
			end := 1
			for end < len(rest) && (isWord(rest[end]) || strings.IndexByte("-.:+'", rest[end]) >= 0 && end+1 < len(rest) && isWord(rest[end+1])) {
				end++
			}
			word := rest[:end]
			if varies(word) {
				word = "…"
			}
			b.WriteString(word)
			rest = rest[end:]
			continue
		}
		_, size := utf8.DecodeRuneInString(rest)
		b.WriteString(rest[:size])
		rest = rest[size:]
	}
	text := b.String()
	if len(text) > longestReason {
		cut := longestReason
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return strings.TrimSpace(text)
}

// closing returns where the quoted text at the beginning of s ends, or 0. An
// apostrophe within a word, as in "doesn't", never gets here.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == s[0] && (s[0] != '\'' || i+1 == len(s) || !isWord(s[i+1])):
			return i + 1
		}
	}
	return 0
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

// varies reports whether a word looks like a value: it begins with a digit or
// has more than two.
func varies(word string) bool {
	digits := 0
	for i := range len(word) {
		if word[i] >= '0' && word[i] <= '9' {
			digits++
		}
	}
	return digits > 2 || word[0] >= '0' && word[0] <= '9'
}

// Excerpt is the beginning of a record, on one line and for people. What is no
// text is shown as such.
func Excerpt(data []byte, most int) string {
	data = bytes.TrimRight(data, "\r\n")
	text := strings.ToValidUTF8(string(data[:min(len(data), most+utf8.UTFMax)]), "\uFFFD")
	if len(data) <= most && len(text) <= most {
		return text
	}
	cut := min(most, len(text))
	for cut > 0 && cut < len(text) && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
