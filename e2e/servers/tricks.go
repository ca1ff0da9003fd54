package servers

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Trick is what an [Endpoint] does with a request instead of answering it.
type Trick struct {
	name  string
	keeps bool // it has kept the records before
	play  func(w http.ResponseWriter, r *http.Request, id string)
}

// EndpointCuts break the connection at every place of a request.
func EndpointCuts() []Trick {
	return []Trick{
		{"cut before the answer", true, abort},
		{"cut at once", false, abort},
		{"cut within the request", false, func(w http.ResponseWriter, r *http.Request, id string) {
			io.CopyN(io.Discard, r.Body, r.ContentLength/2)
			abort(w, r, id)
		}},
		{"cut within the answer", true, func(w http.ResponseWriter, r *http.Request, id string) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"requestId":"`+id)
			http.NewResponseController(w).Flush()
			abort(w, r, id)
		}},
	}
}

// EndpointBadAnswers are answers that say no, or seem to say yes. Some endpoints
// keep the records all the same.
func EndpointBadAnswers() []Trick {
	says := func(name string, keeps bool, status int, body string, headers ...string) Trick {
		return Trick{name, keeps, func(w http.ResponseWriter, r *http.Request, id string) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, strings.ReplaceAll(body, "ID", id))
		}}
	}
	const other = "00000000-0000-8000-8000-000000000000"
	return []Trick{
		says("another request id", true, 200, `{"requestId":"`+other+`","timestamp":1735687815000}`),
		says("another request id, nothing kept", false, 200, `{"requestId":"`+other+`","timestamp":1735687815000}`),
		says("a timestamp in quotes", false, 200, `{"requestId":"ID","timestamp":"1735687815000"}`),
		says("an empty 200", false, 200, ""),
		says("a welcome page", false, 200, "<html>welcome</html>", "Content-Type", "text/html"),
		says("an answer too large", true, 200, fmt.Sprintf(`{"requestId":"ID","timestamp":1,"x":%q}`, strings.Repeat("x", 1<<20))),
		says("204", true, 204, ""),
		says("302", false, 302, "", "Location", "/elsewhere"),
		says("400", false, 400, `{"requestId":"ID","timestamp":1,"errorMessage":"what?"}`),
		says("429", false, 429, "", "Retry-After", "1"),
		says("500", true, 500, "oops"),
		says("503", false, 503, "", "Retry-After", "1"),
		{"no answer", true, func(_ http.ResponseWriter, r *http.Request, _ string) { <-r.Context().Done() }},
	}
}

func abort(http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) }
