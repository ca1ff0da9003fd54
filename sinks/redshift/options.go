package redshift

import (
	"errors"
	"slices"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/convert/compress"
)

// options are the options of COPY: words, and texts in quotes.
type options struct {
	text  string   // as they are written
	words []string // in upper case
	texts []string // what stands in quotes, without them
}

// parseOptions finds the words. Its errors repeat nothing of the text, which
// may hold a secret.
func parseOptions(text string) (o options, err error) {
	o.text = text
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			o.words = append(o.words, strings.ToUpper(word.String()))
		}
		word.Reset()
	}
	for rest := text; rest != ""; {
		switch c := rest[0]; {
		case c == '\'':
			flush()
			quoted, after, closed := strings.Cut(rest[1:], "'")
			for closed && strings.HasPrefix(after, "'") { // a quote in quotes is written twice
				var more string
				more, after, closed = strings.Cut(after[1:], "'")
				quoted += "'" + more
			}
			if !closed {
				return o, errors.New("a quote is not closed")
			}
			o.texts, rest = append(o.texts, quoted), after
			continue
		case c == ';', strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"):
			return o, errors.New("a semicolon or a comment stands outside of quotes")
		case strings.IndexByte(" \t\r\n,()=", c) >= 0:
			flush()
		default:
			word.WriteByte(c)
		}
		rest = rest[1:]
	}
	flush()
	return o, nil
}

func (o options) has(word string) bool { return slices.Contains(o.words, word) }

// validateOptions refuses options that would lose records, and those that do
// not fit the objects.
func (c *Config) validateOptions() error {
	o, err := parseOptions(c.CopyCommand.CopyOptions.Reveal())
	switch {
	case err != nil:
		return field.Errorf("", "write the options of one COPY statement", "cannot be used: %v", err)
	case len(o.words) == 0:
		return field.Errorf("", "write something like JSON 'auto' IAM_ROLE '...'", "is missing")
	}
	var problems []error
	wrong := func(hint, text string) { problems = append(problems, field.Errorf("", hint, "%s", text)) }
	if o.has("NOLOAD") {
		wrong("take it away", "must not hold NOLOAD: nothing would be loaded")
	}
	if o.has("MANIFEST") {
		wrong("take it away", "must not hold MANIFEST: it is added")
	}
	format := c.S3.CompressionFormat
	for _, word := range []string{"GZIP", "ZSTD", "BZIP2", "LZOP"} {
		switch wanted := compress.Format(word) == format; {
		case wanted && !o.has(word):
			wrong("add "+word, "must hold "+word+", as in s3.compression_format")
		case !wanted && o.has(word):
			wrong("make the two agree", "must not hold "+word+" when s3.compression_format is "+string(format))
		}
	}
	switch {
	case c.converts() && !o.has("PARQUET"):
		wrong("add FORMAT AS PARQUET", "must hold PARQUET when records are converted")
	case !c.converts() && o.has("PARQUET"):
		wrong("add data_format_conversion", "must not hold PARQUET when records are not converted")
	}
	return errors.Join(problems...)
}

// redact takes out of a text what stands in quotes in the options, but for
// words that are no secret.
func (o options) redact(text string) string {
	for _, t := range o.texts {
		for part := range strings.SplitSeq(t, ";") { // 'aws_access_key_id=...;aws_secret_access_key=...'
			if _, value, ok := strings.Cut(part, "="); ok {
				part = value
			}
			if len(part) >= 8 && !strings.HasPrefix(part, "arn:") && !strings.HasPrefix(part, "s3://") {
				text = strings.ReplaceAll(text, part, "***")
			}
		}
	}
	return text
}
