// Package orc writes and reads ORC files, version 1 of the format:
// https://orc.apache.org/specification/ORCv1/. Where the specification is
// silent, ORC's own Java code rules: https://github.com/apache/orc.
//
// A row's way into a file: [File.NewGroup] makes a stripe; its Write hands
// each node of the schema its vector; a node turns nulls into a PRESENT stream
// and values into the streams of its content; streams compress themselves in
// chunks as they fill. [File.Append] adds indexes and a footer.
package orc
