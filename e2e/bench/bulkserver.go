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

// What is answered for a document: all of it, and what clients can ask for.
const (
	longItem = `{"create":{"_index":"bench","_id":"wkrpblzm6bkhncbx-00000f4240","_version":1,"result":"created",` +
		`"_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1000000,"_primary_term":1,"status":201}}`
	shortItem = `{"create":{"status":201}}`
)

func (s *search) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch") // its own client insists
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/_count":
		fmt.Fprintf(w, `{"Documents":%d}`, s.documents.Load())
	case strings.HasSuffix(r.URL.Path, "/_bulk"):
		lines, buf := 0, make([]byte, 256<<10)
		for {
			n, err := r.Body.Read(buf)
			lines += bytes.Count(buf[:n], []byte{'\n'})
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
		}
		documents := lines / 2
		s.documents.Add(int64(documents))
		head, item := `{"took":30,"errors":false,"items":[`, longItem
		if r.URL.Query().Has("filter_path") {
			head, item = `{"errors":false,"items":[`, shortItem
		}
		io.WriteString(w, head+strings.TrimSuffix(strings.Repeat(item+",", documents), ",")+"]}")
	default:
		io.WriteString(w, `{"cluster_name":"bench","version":{"number":"8.19.0","build_flavor":"default"}}`)
	}
}
