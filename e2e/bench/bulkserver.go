package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// search is a server that speaks as much of Elasticsearch as bulk requests
// need, takes every document and forgets it.
type search struct{ documents atomic.Int64 }

// longItem is what is answered for a document to those who do not ask for less.
const longItem = `{"create":{"_index":"bench","_id":"wkrpblzm6bkhncbx-00000f4240","_version":1,"result":"created",` +
	`"_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1000000,"_primary_term":1,"status":201}}`

func (s *search) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch") // its own client insists
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/_count":
		fmt.Fprintf(w, `{"Documents":%d}`, s.documents.Load())
	case strings.HasSuffix(r.URL.Path, "/_bulk"):
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		filter := r.URL.Query().Get("filter_path")
		answer := []byte(`{"errors":false,"items":[`)
		documents := int64(0)
		for len(body) > 0 {
			action, rest, _ := bytes.Cut(body, []byte{'\n'})
			_, body, _ = bytes.Cut(rest, []byte{'\n'})
			documents++
			switch {
			case filter == "":
				answer = append(answer, longItem...)
			case strings.Contains(filter, "_id"):
				_, id, _ := bytes.Cut(action, []byte(`"_id":"`))
				id, _, _ = bytes.Cut(id, []byte{'"'})
				answer = append(append(append(answer, `{"create":{"_id":"`...), id...), `","status":201}}`...)
			default:
				answer = append(answer, `{"create":{"status":201}}`...)
			}
			answer = append(answer, ',')
		}
		s.documents.Add(documents)
		w.Write(append(bytes.TrimSuffix(answer, []byte{','}), "]}"...))
	default:
		io.WriteString(w, `{"cluster_name":"bench","version":{"number":"8.19.0","build_flavor":"default"}}`)
	}
}
