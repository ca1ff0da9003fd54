package firehose

import "time"

// Events is told what happens at the door, for metrics and logs. Functions
// that are nil are not called. They may be called concurrently, on the path
// of a request, and must be quick.
type Events struct {
	// Put reports an answered PutRecord or PutRecordBatch: its stream ("" if
	// there is none of that name), the error code ("" for success) and what
	// it carried.
	Put func(stream, operation, code string, records, bytes int, d time.Duration)
	// AppendFailed reports why a log refused records. The producer is told
	// less.
	AppendFailed func(stream string, err error)
	// AuthFailed reports a request that was not let in: from which address,
	// and the error code of the answer.
	AuthFailed func(remote, code string)
	// Connection reports what went wrong outside a request, in the words of
	// net/http: failed TLS handshakes above all.
	Connection func(text string)
}

func (e *Events) put(stream, operation, code string, records, bytes int, d time.Duration) {
	if e.Put != nil {
		e.Put(stream, operation, code, records, bytes, d)
	}
}

func (e *Events) appendFailed(stream string, err error) {
	if e.AppendFailed != nil {
		e.AppendFailed(stream, err)
	}
}

func (e *Events) authFailed(remote, code string) {
	if e.AuthFailed != nil {
		e.AuthFailed(remote, code)
	}
}
