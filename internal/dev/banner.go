package dev

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/internal/server"
	"github.com/hydrant-dev/hydrant/internal/version"
	"github.com/hydrant-dev/hydrant/stream"
)

// banner says what is there and what to type next.
func banner(s *server.Server, o Options) string {
	api, admin := "http://"+local(s.API()), "http://"+local(s.Admin())
	var b strings.Builder
	f := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	f("hydrant %s · dev mode, not for production", version.Read().Version)
	f("")
	f("  Firehose API   %-30s  https works on the same port, CA: %s", api, s.CAFile())
	f("  Metrics        %-30s  health: %s/readyz?verbose", admin+"/metrics", admin)
	f("  Objects        %-30s  plain files, one folder per bucket", shown(filepath.Join(o.Dir, "buckets")))
	f("  State          %-30s  delete it to start over, or use --ephemeral", shown(o.Dir))
	f("")
	f("  Stream         Source        Destination                  Cut every")
	f("  %-14s direct put    %-28s 5s or 1MiB", Stream, "lake/"+Stream+"/ ("+o.Format.words()+")")
	f("")
	if o.Demo {
		f("  Sending %g sample records a second to %s (--no-demo to stop).", o.Rate, Stream)
		f("")
	}
	f("  Try your own, with the AWS CLI:")
	f("    export AWS_ENDPOINT_URL_FIREHOSE=%s AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 \\", api)
	f("           AWS_ACCESS_KEY_ID=dev AWS_SECRET_ACCESS_KEY=dev")
	f("    aws firehose put-record --delivery-stream-name %s \\", Stream)
	f("        --cli-binary-format raw-in-base64-out --record '{\"Data\":\"{\\\"hello\\\":\\\"world\\\"}\"}'")
	f("  (version 1 of the AWS CLI: leave out --cli-binary-format raw-in-base64-out)")
	f("")
	f("  with Python:")
	f("    boto3.client('firehose', endpoint_url='%s').put_record(", api)
	f("        DeliveryStreamName='%s', Record={'Data': b'{\"hello\":\"python\"}'})", Stream)
	f("")
	f("  with a file, a record for each line:")
	f("    hydrant put %s FILE%s", Stream, endpointFlag(s.API()))
	f("")
	return b.String()
}

// words are those of the banner.
func (f Format) words() string {
	if f == JSONLines {
		return "JSON, gzip"
	}
	return "Parquet"
}

// look says how to see what is in the first object, and query all.
func (d *deliveries) look(object string) string {
	const indent = "               "
	if d.format == JSONLines {
		return indent + "look into it: zcat '" + object + "' | head -3\n"
	}
	all := filepath.ToSlash(filepath.Join(shown(d.folder), Stream, "**", "*.parquet"))
	return indent + "look into it: hydrant inspect '" + object + "'\n" +
		indent + `query them:   duckdb -c "SELECT * FROM read_parquet('` + all + `') LIMIT 3"` + "\n"
}

// endpointFlag is what hydrant put needs if the port is not the usual one.
func endpointFlag(api net.Addr) string {
	if a, ok := api.(*net.TCPAddr); ok && a.Port == 4573 {
		return ""
	}
	return " --endpoint http://" + local(api)
}

// local is how a program on this machine finds the address: the name localhost
// may mean ::1, where somebody else can listen.
func local(a net.Addr) string {
	tcp := a.(*net.TCPAddr)
	return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
}

// shown is a path as one would type it.
func shown(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return "./" + filepath.ToSlash(path)
}

// deliveries writes a line for each object that arrives. Lines wait for the
// banner.
type deliveries struct {
	out    io.Writer
	folder string
	format Format
	colour bool

	mu      sync.Mutex
	begun   bool
	waiting []string
	hinted  bool
}

func (d *deliveries) events() stream.Events { return stream.Events{Delivered: d.delivered} }

// begin writes the banner and then the lines that came before it.
func (d *deliveries) begin(banner string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	io.WriteString(d.out, banner)
	for _, line := range d.waiting {
		io.WriteString(d.out, line)
	}
	d.begun, d.waiting = true, nil
}

func (d *deliveries) delivered(name string, e stream.Delivered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	object := shown(filepath.Join(d.folder, filepath.FromSlash(e.Payload.Name)))
	what, colour := "delivered", "\x1b[32m"
	if e.Payload.Failed {
		what, colour = "failed   ", "\x1b[31m"
	}
	if d.colour {
		what = colour + what + "\x1b[0m"
	}
	records := "records"
	if e.Payload.Count.Records == 1 {
		records = "record"
	}
	line := fmt.Sprintf("%s %s  %s  %s\n               %d %s  %v  cut by %s  %.2fs\n",
		time.Now().Format("15:04:05"), name, what, object,
		e.Payload.Count.Records, records, human(e.Payload.Size), e.Plan.Cause, e.Took.Seconds())
	if !d.hinted && !e.Payload.Failed {
		d.hinted = true
		line += d.look(object)
	}
	if !d.begun {
		d.waiting = append(d.waiting, line)
		return
	}
	io.WriteString(d.out, line)
}

// human is a size with one digit behind the point.
func human(n int64) string {
	switch {
	case n < 1<<10:
		return field.Size(n).String()
	case n < 1<<20:
		return fmt.Sprintf("%.1fKiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1fMiB", float64(n)/(1<<20))
}
