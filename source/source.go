// Package source says where records come from. A source is one of two kinds,
// each in a directory below this one:
//
//   - A door takes records from producers who forget them once they have an
//     answer (the Firehose API, SQS, MQTT). It calls [buffer.Appender.Append]
//     and answers after that returned, never before.
//   - A feed can be read again from a position (a Kafka partition, a Kinesis
//     shard, a file). It implements [buffer.Feed]; nothing is stored a second
//     time.
package source

// Config is what a user writes below source. It has usable defaults before it
// is decoded.
type Config interface {
	// Validate returns nil or a *field.Error, or several joined by errors.Join.
	Validate() error
}
