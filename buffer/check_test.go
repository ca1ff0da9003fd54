package buffer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckOfAHealthyDirectoryFindsNothing(t *testing.T) {
	r := newRig(t, DirOptions{SegmentSize: 8 << 10})
	want := numbered(1, 1000)
	for i := 0; i < len(want); i += 10 {
		r.append(want[i : i+10]...)
	}
	done := len(r.deliver(1))
	for _, running := range []bool{true, false} {
		if !running {
			r.close()
		}
		report, err := CheckDir(r.fs)
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Damages)+len(report.Foreign) > 0 {
			t.Errorf("running %v: damages %v, foreign %v", running, report.Damages, report.Foreign)
		}
		if len(report.Streams) != 1 || report.Streams[0].Name != "clicks" || len(report.Streams[0].Shards) != 1 {
			t.Fatalf("running %v: streams %+v", running, report.Streams)
		}
		got := report.Streams[0].Shards[0]
		if d := cmp.Diff(Ledger{Accepted: count(want), Delivered: count(want[:done]), Buffered: count(want[done:])}, got.Ledger); d != "" {
			t.Errorf("running %v: ledger (-want +got):\n%s", running, d)
		}
		if got.Oldest.IsZero() {
			t.Errorf("running %v: no oldest record", running)
		}
	}
	var exported []string
	err := ExportDir(r.fs, "clicks", false, func(x Record) error {
		exported = append(exported, string(x.Data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "exported", want[done:], exported)
	if err := ExportDir(r.fs, "nobody", false, nil); err == nil || !strings.Contains(err.Error(), "no such stream") {
		t.Errorf("export of a stream that is not there: %v", err)
	}
}
