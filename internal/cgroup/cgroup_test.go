package cgroup

import (
	"testing"
	"testing/fstest"
)

func TestLimitIsTheSmallestOnTheWayUp(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"version 2", map[string]string{
			"proc/self/cgroup":               "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max":   "max\n",
			"sys/fs/cgroup/a/memory.max":     "1000\n",
			"sys/fs/cgroup/other/memory.max": "1\n",
		}, 1000},
		{"container", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "536870912\n",
		}, 536870912},
		{"version 1", map[string]string{
			"proc/self/cgroup": "4:cpu,cpuacct:/x\n9:memory:/x\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
		}, 2000},
		{"version 1 without a limit", map[string]string{
			"proc/self/cgroup":                           "9:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		{"no cgroup", nil, 0},
	} {
		root := fstest.MapFS{}
		for name, text := range tt.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := Limit(root); got != tt.want {
			t.Errorf("%s: Limit() = %d, want %d", tt.name, got, tt.want)
		}
	}
}
