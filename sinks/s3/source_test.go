package s3

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func TestSourceBackupKeepsAllRecordsBesideTheObjects(t *testing.T) {
	dir := t.TempDir()
	c := decode(t, `
bucket: file://`+dir+`
prefix: data/
s3_backup_mode: enabled
s3_backup: {bucket: "file://`+dir+`", prefix: "source/!{timestamp:yyyy}/"}
`)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatal(err)
	}
	var spool sinktest.Spool
	chunk := sinktest.Chunk("one", "bad", "two")
	for sink, rows := range map[sinks.Sink][]int{to.Destination: {0, 2}, to.Backup: {0, 1, 2}} {
		w := sink.Batch(&spool)
		if err := w.Add(chunk, rows); err != nil {
			t.Fatal(err)
		}
		p, err := w.Seal(sinktest.Plan(chunk))
		if err != nil {
			t.Fatal(err)
		}
		spool.Load(p)
		for range 2 {
			if err := sink.Send(t.Context(), &p[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := to.Close(); err != nil {
		t.Error(err)
	}
	for folder, want := range map[string]string{"data/2024/12/31/23": "one\ntwo\n", "source/2024": "one\nbad\ntwo\n"} {
		files, err := filepath.Glob(filepath.Join(dir, folder, "test-stream-1-*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: files %v, %v", folder, files, err)
		}
		if got, err := os.ReadFile(files[0]); string(got) != want || err != nil {
			t.Errorf("%s holds %q, %v", folder, got, err)
		}
	}
}

func TestSourceBackupIsDisabledUnlessAskedFor(t *testing.T) {
	for _, text := range []string{"bucket: file:///x", "bucket: file:///x\ns3_backup_mode: disabled\ns3_backup: {bucket: file:///x}"} {
		c := decode(t, text)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		to, err := c.Open(sinktest.Env(t))
		if err != nil {
			t.Fatal(err)
		}
		if to.Backup != nil {
			t.Errorf("%s: there is a backup", text)
		}
		if err := to.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSourceBackupHasAPlaceOfItsOwn(t *testing.T) {
	const same = "s3_backup.prefix: is where the destination puts its own objects"
	for _, test := range []struct{ destination, backup, want string }{
		{"bucket: lake\nprefix: a/", "{bucket: lake, prefix: b/}", ""},
		{"bucket: lake\nprefix: a/", "{bucket: other, prefix: a/}", ""},
		{"bucket: lake\nprefix: a/", "{bucket: lake, endpoint: \"http://minio:9000\", prefix: a/}", ""},
		{"bucket: lake\nprefix: a/", "{bucket: lake, prefix: a/}", same},
		{"bucket: lake\nprefix: a/\nfile_extension: .json", "{bucket: lake, prefix: a/, compression_format: GZIP}", same},
		{"bucket: lake\nprefix: a/", "{bucket: lake, prefix: \"a/!{timestamp:yyyy/MM/dd/HH}/\"}", same},
		{"bucket: lake", "{bucket: lake}", same},
		{"bucket: file:///lake\nprefix: a/", "{bucket: file:///lake/a}", same},
		{"bucket: file:///lake\nprefix: a/", "{bucket: file:///lake/b}", ""},
		{"bucket: lake", "{}", "s3_backup.bucket: is missing"},
		{"bucket: lake", "{bucket: lake, prefix: b/, error_output_prefix: c/}", "s3_backup.error_output_prefix: has no meaning"},
		{"bucket: lake", "{bucket: lake, prefix: \"!{firehose:error-output-type}/\"}", "s3_backup.prefix: !{firehose:error-output-type} is not allowed"},
	} {
		err := decode(t, test.destination+"\ns3_backup_mode: Enabled\ns3_backup: "+test.backup).Validate()
		if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || len(field.Errors(err)) != 1) {
			t.Errorf("%s\nbackup %s\nValidate = %v, want %q", test.destination, test.backup, err, test.want)
		}
	}
}

func TestBackupModesHaveFirehosesWords(t *testing.T) {
	for noun, want := range map[string][]string{
		"": {"Disabled", "Enabled"}, "Data": {"FailedDataOnly", "AllData"}, "Events": {"FailedEventsOnly", "AllEvents"},
	} {
		m := BackupMode{Noun: noun}
		if diff := cmp.Diff(want, m.Values()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", noun, diff)
		}
		if err := m.UnmarshalText([]byte(strings.ToLower(want[1]))); err != nil || !m.All || m.String() != want[1] {
			t.Errorf("%s is read as %v, %v", want[1], m, err)
		}
		if err := m.UnmarshalText([]byte("Sometimes")); err == nil || m.String() != want[1] {
			t.Errorf("Sometimes is read as %v, %v", m, err)
		}
	}
}
