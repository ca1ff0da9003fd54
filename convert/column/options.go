package column

// Options say how records are read, in the words of Firehose's deserializers.
type Options struct {
	// CaseInsensitive matches keys whatever their letter case.
	CaseInsensitive bool
	// DotsToUnderscores matches the key "a.b" with the column a_b.
	DotsToUnderscores bool
	// Keys gives the JSON key of a column that is called otherwise.
	Keys map[string]string
	// TimestampFormats are tried in order. None: those that Firehose's OpenX
	// deserializer takes.
	TimestampFormats []TimestampFormat
	// UnknownFields says what happens to fields that are no columns.
	UnknownFields UnknownFields
	// ExtraColumn names the column of type string that takes the unknown
	// fields of a record, as a JSON object, with ToExtraColumn.
	ExtraColumn string
	// Leave says which unknown fields are left out as with Ignore: with
	// AddColumn, those that cannot be columns or fields of a struct. It gets the
	// fields that are there and the name as they are matched, may be nil, and is
	// called concurrently.
	Leave func(beside []Field, name string) bool
}
