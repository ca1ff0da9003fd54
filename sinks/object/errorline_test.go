package object_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

func TestErrorLinesAreReadAsTheyAreWritten(t *testing.T) {
	const at = 1735687815123
	for _, f := range []buffer.Failure{
		{Output: "processing-failed", Code: "Lambda.FunctionError", Message: "line\n\"two\"", Attempts: 3},
		{Output: "format-conversion-failed", Code: "DataFormatConversion.ParseError", Message: "no JSON", Attempts: 1},
		{Output: "elasticsearch-failed", Code: "400", Message: "mapper", Details: `"esIndexName":"app"`},
	} {
		line := object.AppendErrorLine(nil, &f, buffer.Position{Epoch: 1, Seq: 2}, at, []byte("r\x00\xff\n"))
		got, err := object.ReadErrorLine(line)
		if err != nil {
			t.Fatal(err)
		}
		want := &object.ErrorRecord{
			Code: f.Code, Message: f.Message, Attempts: f.Attempts, Data: []byte("r\x00\xff\n"), Arrival: time.UnixMilli(at).UTC(),
		}
		switch f.Output {
		case "format-conversion-failed":
			want.Converted = true
			want.Details = map[string]json.RawMessage{"sequenceNumber": []byte(`"2@0000000000000001"`), "subSequenceNumber": []byte("0")}
		case "elasticsearch-failed":
			want.Details = map[string]json.RawMessage{"esIndexName": []byte(`"app"`)}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Output, diff)
		}
	}
}

// TestErrorLinesOfFirehoseAreRead uses lines as the service wrote them.
func TestErrorLinesOfFirehoseAreRead(t *testing.T) {
	for line, want := range map[string]*object.ErrorRecord{
		`{"attemptsMade":4,"arrivalTimestamp":1515448800000,"errorCode":"Splunk.InvalidToken","errorMessage":"m","attemptEndingTimestamp":1515448900000,"rawData":"YQ==","EventId":"1.0"}`: {
			Code: "Splunk.InvalidToken", Message: "m", Attempts: 4, Data: []byte("a"), Arrival: time.UnixMilli(1515448800000).UTC(),
			Details: map[string]json.RawMessage{"EventId": []byte(`"1.0"`)}},
		`{"rawData":"YQ==","attemptsMade":"four"}`: {Data: []byte("a"), Details: map[string]json.RawMessage{"attemptsMade": []byte(`"four"`)}},
	} {
		got, err := object.ReadErrorLine([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

func TestOtherLinesSayWhatTheyAre(t *testing.T) {
	for line, want := range map[string]string{
		"":                             "empty",
		" \r":                          "empty",
		"{":                            "no JSON object",
		"[1]":                          "no JSON object",
		`{"id":1}`:                     "no rawData",
		`{"rawData":1}`:                "no text",
		`{"rawData":"a"}`:              "no base64",
		`{"rawData":"YQ==","attempts"`: "no JSON object",
	} {
		if _, err := object.ReadErrorLine([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
}

func FuzzErrorLine(f *testing.F) {
	f.Add("C", "m", "d", []byte(`{"rawData":"YQ=="}`))
	f.Fuzz(func(t *testing.T, code, message, data string, line []byte) {
		_, _ = object.ReadErrorLine(line) // any bytes: no panic
		fail := &buffer.Failure{Code: code, Message: message, Attempts: 1}
		written := object.AppendErrorLine(nil, fail, buffer.Position{Epoch: 1, Seq: 1}, 1, []byte(data))
		if bytes.Count(written, []byte("\n")) != 1 {
			t.Fatalf("%q is no line", written)
		}
		got, err := object.ReadErrorLine(written)
		if err != nil || string(got.Data) != data {
			t.Fatalf("%q: %+v, %v", written, got, err)
		}
	})
}
