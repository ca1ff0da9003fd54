package firehose

import (
	"net/http"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// put answers a PutRecord or a PutRecordBatch. A batch is stored as a whole or
// not at all, so an answer never names failed records: what a client has to
// send again is all of it, or nothing.
func (h *Handler) put(x *exchange, r *http.Request, who *principal, operation string, body []byte, began time.Time) *apiError {
	known, err := h.store(x, r, who, operation, body)
	code := ""
	if err != nil {
		code = err.code
	}
	h.events.put(known, operation, code, x.put.records, x.put.bytes, time.Since(began))
	return err
}

// store returns after the records are durable. known is the name of the
// stream once it is sure that there is one: only then it may become a label
// of a metric.
func (h *Handler) store(x *exchange, r *http.Request, who *principal, operation string, body []byte) (known string, refusal *apiError) {
	p, batch := &x.put, operation == "PutRecordBatch"
	p.restart()
	if !h.memory.take(x, len(body)/4*3) {
		return "", errBusy
	}
	if err := p.decode(body, batch); err != nil {
		return "", serialization(err)
	}
	if err := p.limits(batch); err != nil {
		return "", err
	}
	name := string(p.name)
	if !who.may(actionPut, name) {
		return "", h.denied(actionPut, operation, name)
	}
	stream, ok := h.streams.Stream(name)
	if !ok {
		return "", notFound(name, h.account)
	}
	if !stream.Active() {
		if d := stream.Describe(); d.Type != DirectPut {
			return name, invalidArgument("This operation is not permitted on " + d.Type + " delivery stream type.")
		}
		return name, notActive(name, h.account)
	}
	first, err := stream.Append(r.Context(), &p.entries)
	if err != nil {
		h.events.appendFailed(name, err)
		return name, appendError(err)
	}
	x.out = appendPutAnswer(x.out, batch, first, p.entries.Len())
	return name, nil
}

// appendPutAnswer writes the answer to n records, the first of which is
// stored at first.
func appendPutAnswer(b []byte, batch bool, first buffer.Position, n int) []byte {
	if !batch {
		b = append(b, `{"RecordId":"`...)
		b = appendRecordID(b, first)
		return append(b, `","Encrypted":false}`...)
	}
	b = append(b, `{"FailedPutCount":0,"Encrypted":false,"RequestResponses":[`...)
	for at := first; n > 0; n-- {
		b = append(b, `{"RecordId":"`...)
		b = appendRecordID(b, at)
		b = append(b, `"},`...)
		at.Seq++
	}
	b[len(b)-1] = ']' // a batch has at least one record
	return append(b, '}')
}

// appendRecordID writes a position as 32 hex digits. Clients take it for an
// opaque text; it is unique because positions are.
func appendRecordID(b []byte, p buffer.Position) []byte {
	return appendHex(appendHex(b, p.Epoch), p.Seq)
}

func appendHex(b []byte, v uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[v>>shift&15])
	}
	return b
}
