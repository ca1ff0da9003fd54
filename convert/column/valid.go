package column

// Valid returns nil if data is one JSON value as RFC 8259 has it, and a
// *SyntaxError otherwise. Where the RFC leaves a choice: strings must be UTF-8
// without half surrogate pairs, numbers may be of any size, and arrays and
// objects nest at most 512 levels deep. It allocates nothing but the error.
func Valid(data []byte) error {
	if i := skipAll(data); i < 0 {
		return syntaxError(data, i)
	}
	return nil
}

// IsValid reports whether Valid returns nil, for where many texts are not JSON:
// it allocates nothing for them either.
func IsValid(data []byte) bool { return skipAll(data) >= 0 }

// skipAll skips a value and the white space around it, up to the end of data.
func skipAll(data []byte) int {
	i := skip(data, 0, 0)
	if i < 0 {
		return i
	}
	if i = space(data, i); i < len(data) {
		return fault(i, unexpected)
	}
	return i
}
