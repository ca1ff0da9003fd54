package column

import (
	"fmt"
	"unicode/utf8"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Codes of records that are no rows of the table, as Firehose names them.
const (
	parseError    = "DataFormatConversion.ParseError"
	malformedData = "DataFormatConversion.MalformedData"
)

func failure(code, format string, args ...any) error {
	return &buffer.Failure{Output: "format-conversion-failed", Code: code, Message: fmt.Sprintf(format, args...), Attempts: 1}
}

func malformed(format string, args ...any) error {
	return failure(malformedData, "Data does not match the schema: "+format, args...)
}

// shownValue is how much of a value a message shows, in bytes.
const shownValue = 80

// shorten cuts a value for a message.
func shorten(value []byte) string {
	if len(value) <= shownValue {
		return string(value)
	}
	cut := shownValue
	for cut > 0 && !utf8.RuneStart(value[cut]) {
		cut--
	}
	return fmt.Sprintf("%s... (%d bytes)", value[:cut], len(value))
}
