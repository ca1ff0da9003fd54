package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
)

func TestVerdictKnowsTheDirection(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  row
		want string
	}{
		{"speed under the floor", row{Peer: "x", Ratio: 1.9, Floor: 2, Stretch: 3}, below},
		{"speed at the floor", row{Peer: "x", Ratio: 2, Floor: 2, Stretch: 3}, holds},
		{"speed at the stretch goal", row{Peer: "x", Ratio: 3, Floor: 2, Stretch: 3}, beyond},
		{"cost above the bound", row{Peer: "x", Cost: true, Ratio: 0.3, Floor: 0.25, Stretch: 0.18}, below},
		{"cost at the bound", row{Peer: "x", Cost: true, Ratio: 0.25, Floor: 0.25, Stretch: 0.18}, holds},
		{"cost under the stretch goal", row{Peer: "x", Cost: true, Ratio: 0.1, Floor: 0.25, Stretch: 0.18}, beyond},
		{"absolute cost", row{Cost: true, Ours: 7, Floor: 6}, below},
		{"absolute cost, no stretch goal", row{Cost: true, Ours: 5, Floor: 6}, holds},
		{"for information", row{Peer: "x", Ratio: 0.1}, noted},
	} {
		if got := tt.row.judge(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestContestTakesMediansOfInterleavedTurns(t *testing.T) {
	speed := metric{"speed", "MB/s", false}
	var order []string
	turns := func(name string, values ...float64) contestant {
		return contestant{name, func(context.Context) (figures, error) {
			order = append(order, name)
			v := values[0]
			values = values[1:]
			return figures{speed: v}, nil
		}}
	}
	b := benchmark{
		name:        "test",
		contestants: []contestant{turns("ours", 10, 1000, 12, 8, 11), turns("peer", 5, 5, 8, 4, 1)},
		goals:       []goal{{speed, "peer", 2, 3}},
	}
	rows, err := b.run(t.Context(), 5, "")
	if err != nil {
		t.Fatal(err)
	}
	if r := rows[0]; r.Ours != 11 || r.Theirs != 5 || r.Ratio != 2 || r.Verdict != holds {
		t.Errorf("got %+v, want medians 11 and 5, and of the ratios 2", r)
	}
	if got, want := strings.Join(order[:4], " "), "ours peer ours peer"; got != want {
		t.Errorf("turns are %q, want %q", got, want)
	}
}

func TestRefusedRecordsEndARun(t *testing.T) {
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no room", http.StatusServiceUnavailable)
	}))
	defer refuse.Close()
	address := refuse.Listener.Addr().String()
	l := newLoad(address, 2)
	defer l.close()
	_, err := l.run(t.Context(), endless(request(address, [][]byte{[]byte("a")})), time.Minute)
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("error is %v, want the server's text", err)
	}
}

func TestAnswerNeedsALength(t *testing.T) {
	c := &connection{answers: bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"))}
	if err := c.answer(); err == nil {
		t.Error("no error for an answer that cannot be skipped")
	}
}

// TestBothDoorsStoreTheSame keeps the yardstick honest: it does the work that
// ours does.
func TestBothDoorsStoreTheSame(t *testing.T) {
	want := [][]byte{[]byte("first"), {}, []byte(`{"third":"\u00e9"}`)}
	raw, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request("localhost", want))))
	if err != nil {
		t.Fatal(err)
	}
	kept := &keeper{}
	answer := httptest.NewRecorder()
	jsonDoor{kept}.ServeHTTP(answer, raw)
	var stored jsonAnswer
	if err := json.Unmarshal(answer.Body.Bytes(), &stored); err != nil || len(stored.RequestResponses) != len(want) {
		t.Errorf("answer is %s, %v", answer.Body, err)
	}
	got := split(&kept.entries)
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("record %d is %q, want %q", i, got[i], want[i])
		}
	}
}

type keeper struct{ entries buffer.Entries }

func (k *keeper) Append(_ context.Context, e *buffer.Entries) (buffer.Position, error) {
	return buffer.Position{Epoch: 1, Seq: 1}, eachRecord(e, func(r []byte) error {
		k.entries.Add(r)
		return nil
	})
}

func TestStoresKeepRecords(t *testing.T) {
	for name, open := range map[string]func(string) (store, error){
		"hydrant": openLog, "pebble": openPebble, "tidwall/wal": openWAL, "jetstream": openJetStream,
	} {
		st, err := open(t.TempDir())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := st.Append(t.Context(), entries(3)); err != nil {
			t.Errorf("%s: append: %v", name, err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
}

func TestPayloadStopsAtItsLimit(t *testing.T) {
	p := newPayload("localhost", 1e6)
	n := int64(0)
	for p.next() != nil {
		n++
	}
	if p.sentBytes() > 1e6 || p.sentBytes() < 7e5 || p.sentRecords() != n*requestRecords {
		t.Errorf("%d requests with %d records and %d bytes, want just under 1 MB", n, p.sentRecords(), p.sentBytes())
	}
}

func TestChildFiguresAreRead(t *testing.T) {
	if _, err := childCPU(os.Getpid()); err != nil {
		t.Error(err)
	}
	if n, err := childMemory(os.Getpid()); err != nil || n < 1<<20 {
		t.Errorf("memory of this process is %d, %v", n, err)
	}
	if n, err := ownPeak(); err != nil || n < 1<<20 {
		t.Errorf("highest memory of this process is %d, %v", n, err)
	}
}

func TestNumbersAreShort(t *testing.T) {
	for v, want := range map[float64]string{
		0.0345: "0.0345", 4.6789: "4.68", 999.6: "1000", 1234: "1234", 12345: "12.3 k", 2718281: "2.72 M",
	} {
		if got := short(v); got != want {
			t.Errorf("short(%v) = %q, want %q", v, got, want)
		}
	}
}
