package servers

import (
	"net/http"
	"testing"
)

func TestOpenSearchKeepsItsDataOverARestart(t *testing.T) {
	t.Cleanup(StopShared)
	s := OpenSearch(t)
	s.Call(t, http.MethodPut, "/kept/_doc/1?refresh=true", `{"a":  1}`)
	s.Kill()
	if resp, err := http.Get(s.URL); err == nil {
		resp.Body.Close()
		t.Error("it answers after Kill")
	}
	s.Start(t)
	s.Call(t, http.MethodGet, "/_cluster/health/kept?wait_for_status=yellow", "")
	docs := s.Documents(t, "kept")
	if len(docs) != 1 || docs[0].ID != "1" || string(docs[0].Source) != `{"a":  1}` {
		t.Errorf("documents are %+v", docs)
	}
}
