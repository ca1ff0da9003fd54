package configs

// Diagnostic is one kind of problem. Its id is stable, so that scripts and
// "# hydrant:allow id" comments can rely on it.
type Diagnostic struct {
	ID       string
	Severity Severity
	Means    string

	Elsewhere bool // it needs more than a file to be shown
}

// Diagnostics are all kinds of problems.
var Diagnostics = []Diagnostic{
	{ID: "bad-stream-name", Severity: Error, Means: "A stream's name has characters that Firehose does not allow."},
	{ID: "bad-variable", Severity: Error, Means: "Something begins like a variable and is none."},
	{ID: "duplicate-connection", Severity: Error, Means: "Two connections have one name."},
	{ID: "duplicate-key", Severity: Error, Means: "A key stands twice in one mapping."},
	{ID: "duplicate-server", Severity: Error, Means: "Two files have a server section."},
	{ID: "duplicate-stream", Severity: Error, Means: "Two streams have one name."},
	{ID: "file-too-large", Severity: Error, Means: "A file is larger than 1 MiB.", Elsewhere: true},
	{ID: "follow-chain", Severity: Error, Means: "A stream follows one that follows another itself."},
	{ID: "follow-cycle", Severity: Error, Means: "Streams follow each other, or one follows itself."},
	{ID: "follower-shards", Severity: Error, Means: "A stream that follows another has a number of shards."},
	{ID: "invalid-value", Severity: Error, Means: "A value has the right type and cannot be used."},
	{ID: "literal-secret", Severity: Warning, Means: "A secret stands in the file itself."},
	{ID: "missing-field", Severity: Error, Means: "A field that is needed is not there."},
	{ID: "missing-variable", Severity: Error, Means: "A variable is not set."},
	{ID: "more-problems", Severity: Error, Means: "Only the first 100 problems are shown.", Elsewhere: true},
	{ID: "not-one-connection", Severity: Error, Means: "A connection has no kind, or more than one."},
	{ID: "not-one-destination", Severity: Error, Means: "A stream has no destination, or more than one."},
	{ID: "not-one-output-format", Severity: Error, Means: "A conversion has no output format, or more than one."},
	{ID: "not-one-source", Severity: Error, Means: "A stream has no source, or more than one."},
	{ID: "shared-prefix", Severity: Warning, Means: "Two streams write to the same bucket and prefix."},
	{ID: "small-objects", Severity: Warning, Means: "A short interval, or a small size with format conversion, makes very many small objects."},
	{ID: "unknown-connection", Severity: Error, Means: "There is no such kind of connection, or none of that name."},
	{ID: "unknown-destination", Severity: Error, Means: "There is no such destination."},
	{ID: "unknown-field", Severity: Error, Means: "There is no such field in this place."},
	{ID: "unknown-output-format", Severity: Error, Means: "There is no such output format."},
	{ID: "unknown-source", Severity: Error, Means: "There is no such source."},
	{ID: "unknown-stream", Severity: Error, Means: "A stream follows one that does not exist."},
	{ID: "unknown-version", Severity: Error, Means: "The file is written for another version of hydrant."},
	{ID: "unquoted-exclamation", Severity: Error, Means: "A value begins with ! and is not quoted; YAML reads a tag."},
	{ID: "unreadable-file", Severity: Error, Means: "A file or folder cannot be read.", Elsewhere: true},
	{ID: "unreadable-secret", Severity: Error, Means: "The file of ${file:…} cannot be read."},
	{ID: "world-readable-secret", Severity: Warning, Means: "Everyone on the machine can read a file with secrets.", Elsewhere: true},
	{ID: "wrong-connection", Severity: Error, Means: "A destination cannot use the connection it names."},
	{ID: "wrong-type", Severity: Error, Means: "A value has another type than the field."},
	{ID: "yaml-bomb", Severity: Error, Means: "A file is nested too deeply, or aliases make it too large."},
	{ID: "yaml-syntax", Severity: Error, Means: "A file is not YAML."},
}
