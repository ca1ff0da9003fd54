package splunk

import "github.com/hydrant-dev/hydrant/configs/field"

// EndpointType is one of the two endpoints that a collector has for events.
type EndpointType string

const (
	// EventEndpoint takes events with metadata.
	EventEndpoint EndpointType = "Event"
	// RawEndpoint takes text, which Splunk divides into events.
	RawEndpoint EndpointType = "Raw"
)

// Values lists the words.
func (EndpointType) Values() []string { return []string{string(EventEndpoint), string(RawEndpoint)} }

// UnmarshalText reads a word in any letter case.
func (t *EndpointType) UnmarshalText(text []byte) error { return oneOf(text, t, t.Values()) }

// Acknowledgments say what a batch waits for.
type Acknowledgments string

const (
	// Required takes nothing less than the indexer's word.
	Required Acknowledgments = "required"
	// IfAvailable waits for it if the collector gives it.
	IfAvailable Acknowledgments = "if_available"
	// NoAcknowledgments is content when the collector has taken the events.
	NoAcknowledgments Acknowledgments = "none"
)

// Values lists the words.
func (Acknowledgments) Values() []string {
	return []string{string(Required), string(IfAvailable), string(NoAcknowledgments)}
}

// UnmarshalText reads a word in any letter case.
func (a *Acknowledgments) UnmarshalText(text []byte) error { return oneOf(text, a, a.Values()) }

// Wrap says which records are put into an event.
type Wrap string

const (
	// WrapAuto wraps what is no HEC event yet.
	WrapAuto Wrap = "auto"
	// WrapAlways wraps all records.
	WrapAlways Wrap = "always"
	// WrapNever refuses what is no HEC event.
	WrapNever Wrap = "never"
)

// Values lists the words.
func (Wrap) Values() []string {
	return []string{string(WrapAuto), string(WrapAlways), string(WrapNever)}
}

// UnmarshalText reads a word in any letter case.
func (w *Wrap) UnmarshalText(text []byte) error { return oneOf(text, w, w.Values()) }

// Encoding is how the body of a request is compressed.
type Encoding string

const (
	gzipped Encoding = "GZIP"
	plain   Encoding = "NONE"
)

// Values lists the words.
func (Encoding) Values() []string { return []string{string(gzipped), string(plain)} }

// UnmarshalText reads a word in any letter case.
func (e *Encoding) UnmarshalText(text []byte) error { return oneOf(text, e, e.Values()) }

func oneOf[T ~string](text []byte, to *T, words []string) error {
	word, err := field.OneOf(text, words...)
	if err == nil {
		*to = T(word)
	}
	return err
}
