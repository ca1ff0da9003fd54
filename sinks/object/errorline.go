package object

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrorRecord is a line of the error output: one of ours, or one of Amazon
// Data Firehose's, which has used several names for the same things.
type ErrorRecord struct {
	Code     string
	Message  string
	Attempts int
	Arrival  time.Time // of the record; zero if the line does not say
	Data     []byte    // the record, as it was accepted
	// Converted tells that the line has the form of a failed conversion.
	Converted bool
	// Details are further members, such as esIndexName.
	Details map[string]json.RawMessage
}

// ReadErrorLine reads what AppendErrorLine writes. An error says what is wrong
// with a line that is something else.
func ReadErrorLine(line []byte) (*ErrorRecord, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(line, &members); err != nil {
		if len(bytes.TrimSpace(line)) == 0 {
			return nil, errors.New("it is empty")
		}
		return nil, errors.New("it is no JSON object")
	}
	data, ok := members["rawData"]
	if !ok {
		return nil, errors.New("it has no rawData: it is no error record")
	}
	var packed string
	if err := json.Unmarshal(data, &packed); err != nil {
		return nil, errors.New("its rawData is no text")
	}
	r := &ErrorRecord{}
	var err error
	if r.Data, err = base64.StdEncoding.DecodeString(packed); err != nil {
		return nil, fmt.Errorf("its rawData is no base64: %w", err)
	}
	var millis float64
	for name, to := range map[string]any{
		"errorCode": &r.Code, "errorMessage": &r.Message, "attemptsMade": &r.Attempts, "arrivalTimestamp": &millis,
	} {
		value, ok := members[name]
		if !ok {
			continue
		}
		// A member of another type is a detail: the record is what counts.
		if json.Unmarshal(value, to) == nil {
			delete(members, name)
		}
	}
	for name, to := range map[string]*string{"lastErrorCode": &r.Code, "lastErrorMessage": &r.Message} {
		if value, ok := members[name]; ok && json.Unmarshal(value, to) == nil {
			r.Converted = true
			delete(members, name)
		}
	}
	if millis > 0 && millis < 1<<52 {
		r.Arrival = time.UnixMilli(int64(millis)).UTC()
	}
	delete(members, "rawData")
	delete(members, "attemptEndingTimestamp")
	if len(members) > 0 {
		r.Details = members
	}
	return r, nil
}
