package column

import (
	"bytes"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// specials sets the high bit of each of eight bytes that is a quote, a
// backslash, a control character or no ASCII, and clears all other bits. Bytes
// above the first of those may be wrong: each subtraction borrows at the byte
// looked for, and a borrow spoils what is above it.
func specials(w uint64) uint64 {
	return (((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones) | (w - ' '*ones) | w) & highs
}

// plain returns the offset of the first byte from i on that is a quote, a
// backslash, a control character or no ASCII; len(d) if there is none.
func plain(d []byte, i int) int {
	for ; fits(d, i, 8); i += 8 {
		if s := specials(load(d, i)); s != 0 {
			return i + bits.TrailingZeros64(s)>>3
		}
	}
	for i < len(d) && d[i] >= ' ' && d[i] < utf8.RuneSelf && d[i] != '"' && d[i] != '\\' {
		i++
	}
	return i
}

// delimiters is specials for text that is not ASCII: it passes over those bytes.
func delimiters(w uint64) uint64 {
	quote, backslash := w^'"'*ones, w^'\\'*ones
	return ((quote-ones)&^quote | (backslash-ones)&^backslash | (w-' '*ones)&^w) & highs
}

// foreign returns the offset of the first byte from i on that is a quote, a
// backslash or a control character.
func foreign(d []byte, i int) int {
	for ; fits(d, i, 8); i += 8 {
		if s := delimiters(load(d, i)); s != 0 {
			return i + bits.TrailingZeros64(s)>>3
		}
	}
	for i < len(d) && d[i] >= ' ' && d[i] != '"' && d[i] != '\\' {
		i++
	}
	return i
}

// skipString skips the string whose quote is at i.
func skipString(d []byte, i int) int {
	end := plain(d, i+1)
	if end < len(d) && d[end] == '"' {
		return end + 1
	}
	end, _ = stringEnd(d, i+1, end)
	return end
}

// stringEnd returns the offset behind the closing quote of the string that
// starts at start and is plain up to i. It checks the string, and tells
// whether there are escapes in it.
func stringEnd(d []byte, start, i int) (end int, escapes bool) {
	ascii := true
	for {
		if ascii {
			i = plain(d, i)
		} else {
			i = foreign(d, i)
		}
		if i >= len(d) {
			return fault(i, unexpected), false
		}
		switch c := d[i]; {
		case c == '"':
			if !ascii {
				if k := notUTF8From(d[start:i]); k >= 0 {
					return fault(start+k, notUTF8), false
				}
			}
			return i + 1, escapes
		case c == '\\':
			escapes = true
			if i, _ = unescape(d, i); i < 0 {
				return i, false
			}
		case c < ' ':
			return fault(i, control), false
		default:
			ascii = false
		}
	}
}

// notUTF8From returns where text stops being UTF-8, or -1.
func notUTF8From(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// unescape reads the escape sequence at i.
func unescape(d []byte, i int) (end int, r rune) {
	if i+1 >= len(d) {
		return fault(i+1, unexpected), 0
	}
	switch c := d[i+1]; c {
	case '"', '\\', '/':
		return i + 2, rune(c)
	case 'b':
		return i + 2, '\b'
	case 'f':
		return i + 2, '\f'
	case 'n':
		return i + 2, '\n'
	case 'r':
		return i + 2, '\r'
	case 't':
		return i + 2, '\t'
	case 'u':
		end, r = codeUnit(d, i)
		if end < 0 || !utf16.IsSurrogate(r) {
			return end, r
		}
		if end+1 >= len(d) {
			return fault(len(d), unexpected), 0
		}
		if d[end] != '\\' || d[end+1] != 'u' {
			return fault(i, surrogate), 0
		}
		next, low := codeUnit(d, end)
		if next < 0 {
			return next, 0
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return fault(i, surrogate), 0
		}
		return next, r
	}
	return fault(i, escape), 0
}

// codeUnit reads \u and four hex digits.
func codeUnit(d []byte, i int) (end int, r rune) {
	for k := i + 2; k < i+6; k++ {
		if k >= len(d) {
			return fault(k, unexpected), 0
		}
		switch c := d[k]; {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return fault(i, escape), 0
		}
	}
	return i + 6, r
}

// AppendUnescaped appends the text between the quotes of a string of valid JSON,
// with the characters that its escape sequences stand for.
func AppendUnescaped(dst, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		end, r := unescape(text, i)
		dst = utf8.AppendRune(dst, r)
		text = text[end:]
	}
}
