// Package firehose is the door that speaks the API of Amazon Data Firehose:
// PutRecord, PutRecordBatch, DescribeDeliveryStream and ListDeliveryStreams,
// as unmodified SDKs, the CLI and agents send them. Streams are made in the
// configuration file, so the other operations are refused with a hint.
//
// [Handler] is the API; [Server] is the port around it: HTTP and TLS side by
// side, limits, shutdown.
//
// Source: https://docs.aws.amazon.com/firehose/latest/APIReference/Welcome.html
package firehose

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

// Streams are the delivery streams behind the door. It is used concurrently.
type Streams interface {
	Stream(name string) (Stream, bool)
	// Names returns all names in ascending order.
	Names() []string
}

// Stream is one delivery stream.
type Stream interface {
	buffer.Appender
	// Active reports whether the stream takes records from this door now.
	Active() bool
	Describe() Description
}

// Handler answers the requests of the API. It may be used concurrently.
type Handler struct {
	streams Streams
	keys    atomic.Pointer[keyring]
	region  string
	account string
	events  Events
	memory  budget
	pool    sync.Pool // of *exchange
}

// NewHandler returns the API over streams. It uses the region, the account,
// the access keys and the memory limit of c.
func NewHandler(c Config, streams Streams, events Events) *Handler {
	h := &Handler{
		streams: streams,
		region:  c.Region,
		account: c.Account,
		events:  events,
	}
	h.SetAccessKeys(c.AccessKeys)
	h.memory.size = int64(c.MaxInFlight)
	h.pool.New = func() any { return new(exchange) }
	return h
}

// SetAccessKeys replaces the keys, for the requests that come from now on.
func (h *Handler) SetAccessKeys(keys []AccessKey) { h.keys.Store(newKeyring(h.region, keys)) }

const targetPrefix = "Firehose_20150804."

const about = `This is the Firehose API of hydrant, for AWS SDKs, the AWS CLI and agents:

    aws firehose list-delivery-streams --endpoint-url %URL%

Set AWS_ENDPOINT_URL_FIREHOSE=%URL% to point a program here.
`

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" || r.Method != http.MethodPost {
		h.explain(w, r)
		return
	}
	x := h.pool.Get().(*exchange)
	defer func() {
		h.memory.giveBack(x)
		h.pool.Put(x)
	}()
	x.out = x.out[:0]
	if err := h.serve(x, w, r); err != nil {
		if err.status == http.StatusForbidden {
			h.events.authFailed(r.RemoteAddr, err.code)
		}
		x.refuse(w, err)
		return
	}
	x.answer(w, http.StatusOK)
}

// refuse answers with an error. botocore reads its code from the body only,
// other SDKs prefer the header.
func (x *exchange) refuse(w http.ResponseWriter, err *apiError) {
	x.out = append(x.out[:0], `{"__type":`...)
	x.out = appendQuoted(x.out, err.code)
	x.out = append(x.out, `,"message":`...)
	x.out = append(appendQuoted(x.out, err.message), '}')
	w.Header()["X-Amzn-Errortype"] = []string{err.code}
	x.answer(w, err.status)
}

// serve leaves the answer in x.out or returns an error.
func (h *Handler) serve(x *exchange, w http.ResponseWriter, r *http.Request) *apiError {
	began := time.Now()
	// A browser sends Origin with every POST. No page has business here, and
	// one on the developer's machine could reach a port that asks no key.
	if r.Header["Origin"] != nil {
		return unauthorized("AccessDeniedException", "Requests from web pages are refused.")
	}
	if err := x.receive(w, r, &h.memory); err != nil {
		w.Header().Set("Connection", "close") // the rest of the body is in the way
		return err
	}
	who, err := h.keys.Load().verify(r, x.raw, began)
	if err != nil {
		return err
	}
	body, err := x.decoded(r, &h.memory)
	if err != nil {
		return err
	}
	switch operation, _ := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix); operation {
	case "PutRecord", "PutRecordBatch":
		return h.put(x, r, who, operation, body, began)
	case "DescribeDeliveryStream":
		return h.describe(x, who, body)
	case "ListDeliveryStreams":
		return h.list(x, who, body)
	case "CreateDeliveryStream", "DeleteDeliveryStream", "UpdateDestination",
		"StartDeliveryStreamEncryption", "StopDeliveryStreamEncryption",
		"TagDeliveryStream", "UntagDeliveryStream", "ListTagsForDeliveryStream":
		return invalidArgument(operation + " is not supported: delivery streams are configured in hydrant's YAML file. Change the file and reload.")
	}
	return &apiError{http.StatusBadRequest, "UnknownOperationException",
		"The header X-Amz-Target must be " + targetPrefix + " and an operation."}
}

// denied is the answer to a key that may not do something. It is the same
// whether or not there is such a stream.
func (h *Handler) denied(action, operation, name string) *apiError {
	return unauthorized("AccessDeniedException", "This access key has no permission for firehose:"+operation+" on "+h.arn(name)+
		": add \""+action+":"+name+"\" to its allow list.")
}

func (h *Handler) arn(name string) string { return ARN(h.region, h.account, name) }

// ARN is what Firehose's API calls a delivery stream.
func ARN(region, account, name string) string {
	return "arn:aws:firehose:" + region + ":" + account + ":deliverystream/" + name
}

// explain tells a person what this port is.
func (h *Handler) explain(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	switch {
	case r.URL.Path != "/":
		status = http.StatusNotFound
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD, POST")
		status = http.StatusMethodNotAllowed
	}
	scheme := "http"
	if overTLS(r) {
		scheme = "https"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Amzn-Requestid", requestID())
	w.WriteHeader(status)
	// An error means that the client left, and it was only a hint.
	_, _ = w.Write([]byte(strings.ReplaceAll(about, "%URL%", scheme+"://"+cmp.Or(r.Host, "localhost:4573"))))
}

var contentType = []string{"application/x-amz-json-1.1"}

func (x *exchange) answer(w http.ResponseWriter, status int) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
	header := w.Header()
	header["Content-Type"] = contentType
	header["X-Amzn-Requestid"] = []string{requestID()}
	header["Content-Length"] = []string{strconv.Itoa(len(x.out))}
	w.WriteHeader(status)
	// An error means that the client left. It will send its records again.
	_, _ = w.Write(x.out)
}

// requestID returns a random UUID.
func requestID() string {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var b [36]byte
	hex.Encode(b[:], id[:4])
	hex.Encode(b[9:], id[4:6])
	hex.Encode(b[14:], id[6:8])
	hex.Encode(b[19:], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// appendQuoted appends an ASCII text as a JSON string. Anything else in it
// becomes a question mark: such texts are echoes of what a client sent.
func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '?')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
