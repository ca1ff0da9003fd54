package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/hydrant-dev/hydrant/buffer"
)

// jsonDoor is PutRecordBatch as one writes it with the standard library.
type jsonDoor struct{ stream buffer.Appender }

type jsonRequest struct {
	DeliveryStreamName string
	Records            []struct{ Data []byte }
}

type jsonAnswer struct {
	Encrypted        bool
	FailedPutCount   int
	RequestResponses []jsonStored
}

type jsonStored struct{ RecordId string }

func (d jsonDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request jsonRequest
	// Faster than a json.Decoder on the body.
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var e buffer.Entries
	for i := range request.Records {
		e.Add(request.Records[i].Data)
	}
	first, err := d.stream.Append(r.Context(), &e)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer := jsonAnswer{RequestResponses: make([]jsonStored, len(request.Records))}
	for i := range answer.RequestResponses {
		first.Seq++
		answer.RequestResponses[i].RecordId = first.String()
	}
	text, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text) // an error means that the client left
}
