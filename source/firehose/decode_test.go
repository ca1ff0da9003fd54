package firehose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// decoded is a put in a form that compares well.
type decoded struct {
	Name    string
	HasName bool
	Present bool
	Records []string // "null" and "no data" as they are called
}

var errRefused = errors.New("refused")

// reference decodes with encoding/json, member by member, so that order and
// repetition are seen.
func reference(body []byte, batch bool) (d decoded, err error) {
	members, err := object(body)
	if err != nil {
		return d, err
	}
	for _, m := range members {
		switch {
		case m.name == "DeliveryStreamName":
			var s *string
			if err := json.Unmarshal(m.value, &s); err != nil {
				return d, err
			}
			if d.Name, d.HasName = "", s != nil; s != nil {
				d.Name = *s
			}
		case batch && m.name == "Records":
			var list *[]json.RawMessage
			if err := json.Unmarshal(m.value, &list); err != nil {
				return d, err
			}
			d.Records, d.Present = nil, list != nil
			if list == nil {
				continue
			}
			for _, value := range *list {
				r, err := referenceRecord(value)
				if err != nil {
					return d, err
				}
				d.Records = append(d.Records, r)
			}
		case !batch && m.name == "Record":
			d.Records, d.Present = nil, string(m.value) != "null"
			if d.Present {
				r, err := referenceRecord(m.value)
				if err != nil {
					return d, err
				}
				d.Records = []string{r}
			}
		}
	}
	return d, nil
}

func referenceRecord(value json.RawMessage) (string, error) {
	if string(value) == "null" {
		return "null", nil
	}
	members, err := object(value)
	if err != nil {
		return "", err
	}
	record := "no data"
	for _, m := range members {
		if m.name != "Data" {
			continue
		}
		var b *[]byte
		if bytes.HasPrefix(m.value, []byte("[")) {
			return "", errRefused // encoding/json also takes lists of numbers
		}
		if err := json.Unmarshal(m.value, &b); err != nil {
			return "", err
		}
		record = "no data"
		if b != nil {
			record = "data:" + string(*b)
		}
	}
	return record, nil
}

type member struct {
	name  string
	value json.RawMessage
}

func object(b []byte) (members []member, err error) {
	if !json.Valid(b) {
		return nil, errRefused
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errRefused
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: t.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

func ours(body []byte, batch bool) (d decoded, p *put, err error) {
	p = new(put)
	if err := p.decode(bytes.Clone(body), batch); err != nil {
		return d, p, err
	}
	d = decoded{Name: string(p.name), HasName: p.hasName, Present: p.present}
	start := uint32(0)
	for _, end := range p.entries.Ends {
		d.Records = append(d.Records, "data:"+string(p.entries.Data[start:end]))
		start = end
	}
	return d, p, nil
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

var decodeCases = []string{
	`{"DeliveryStreamName":"web","Records":[{"Data":"YWJj"},{"Data":""}]}`,
	`{"DeliveryStreamName":"web","Record":{"Data":"YWJj"}}`,
	" {\n\t\"Records\" : [ { \"Data\" : \"YWJj\" } , {\"Data\":\"YQ==\"} ] ,\r\n \"DeliveryStreamName\" : \"web\" } ",
	`{"Records":[],"DeliveryStreamName":"web"}`,
	`{}`, ``, ` `, `null`, `[]`, `"x"`, `{`, `{"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,"a":1}`, `{"a":1}}`, `{"a":1} x`, "{}\x00",
	`{"Records":[}`, `{"Records":[{]}`, `{"Records":[,]}`, `{"Records":[{"Data":"YQ=="},]}`, `{"Records":[{"Data":"YQ=="},,{"Data":"YQ=="}]}`,
	`{"Records":[{"Data":"YQ=="} {"Data":"YQ=="}]}`,
	`{"Records":null,"Record":null,"DeliveryStreamName":null}`,
	`{"Records":[null]}`, `{"Records":[{}]}`, `{"Records":[{"Data":null}]}`, `{"Records":[{"Data":5}]}`, `{"Records":[{"Data":[1]}]}`,
	`{"Records":{"Data":"YQ=="}}`, `{"Records":["YQ=="]}`, `{"Record":["YQ=="]}`, `{"Record":"YQ=="}`, `{"DeliveryStreamName":5}`,
	`{"Records":[{"Data":"YQ==","Data":"Yg=="}]}`, `{"Records":[{"Data":"YQ==","Data":null}]}`, `{"Records":[{"Data":null,"Data":"YQ=="}]}`,
	`{"Records":[{"Data":"YQ=="},{"Data":"Yg=="}],"Records":[{"Data":"Yw=="}]}`, `{"Records":[{"Data":"YQ=="}],"Records":null}`,
	`{"Record":{"Data":"YQ=="},"Record":{"Data":"Yw=="}}`, `{"Record":{"Data":"YQ=="},"Record":null}`,
	`{"DeliveryStreamName":"a","DeliveryStreamName":"b"}`,
	`{"records":[{"Data":"YQ=="}],"deliverystreamname":"x"}`, `{"Records":[{"data":"YQ=="}]}`,
	`{"Records":[{"D\u0061ta":"YQ=="}],"DeliveryStream\u004eame":"w\u0065b"}`,
	`{"Records":[{"Data":"\/\/\/\/"},{"Data":"////"},{"Data":"\u0059Q=="},{"Data":"YQ=\u003d"}]}`,
	`{"Records":[{"Data":"YW\nJj"},{"Data":"YWJj\r\n"},{"Data":"Y\nW\nJ\nj\n"}]}`,
	"{\"Records\":[{\"Data\":\"YW\nJj\"}]}", "{\"Records\":[{\"Data\":\"Y\nW\nJ\nj\n\"}]}", "{\"Records\":[{\"Data\":\"YWJ\x00\"}]}",
	`{"Records":[{"Data":"YQ"}]}`, `{"Records":[{"Data":"YQ="}]}`, `{"Records":[{"Data":"Y==="}]}`, `{"Records":[{"Data":"YR=="}]}`, `{"Records":[{"Data":"===="}]}`,
	`{"Records":[{"Data":"YQ==YQ=="}]}`, `{"Records":[{"Data":"YW-_"}]}`, `{"Records":[{"Data":"YQ== "}]}`, `{"Records":[{"Data":"="}]}`, `{"Records":[{"Data":"Y\"=="}]}`,
	`{"Records":[{"Data":"\\YQ=="}]}`, `{"Records":[{"Data":"\x"}]}`, `{"Records":[{"Data":"\u00g1"}]}`, `{"Records":[{"Data":"\`, `{"Records":[{"Data":"\u00`, `{"a":"\ud83d\ude00\ud83d\u0041\ud83d"}`,
	`{"x":{"y":[1,-0.5e+10,true,false,null,"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t",{"z":[]}]},"Records":[{"x":[{}],"Data":"YQ==","y":0}]}`,
	`{"x":01}`, `{"x":-}`, `{"x":1.}`, `{"x":.5}`, `{"x":1e}`, `{"x":+1}`, `{"x":tru}`, `{"x":nul}`, `{"x":NaN}`, `{"x":"` + "\x1f" + `"}`, `{"x":'a'}`, `{"Records":nul}`, `{"Records":nullx}`,
	`{"x":"` + "\xff\xfe" + `","DeliveryStreamName":"w"}`,
	`{"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`,
	`{"Records":[{"Data":"` + b64(strings.Repeat("0123456789", 100)) + `"},{"Data":"` + b64(strings.Repeat("x", 33)) + `"}]}`,
}

func TestDecodeAgreesWithEncodingJSON(t *testing.T) {
	for _, body := range decodeCases {
		for _, batch := range []bool{false, true} {
			compare(t, []byte(body), batch)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, body := range decodeCases {
		f.Add([]byte(body), true)
		f.Add([]byte(body), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, batch bool) { compare(t, body, batch) })
}

func compare(t *testing.T, body []byte, batch bool) {
	t.Helper()
	want, wantErr := reference(body, batch)
	got, p, err := ours(body, batch)
	if err != nil && strings.Contains(err.Error(), "nested too deeply") {
		return // stricter by intent
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("batch %v, body %q: error %v, encoding/json says %v", batch, body, err, wantErr)
	}
	if err != nil {
		return
	}
	if !strings.Contains(want.Name, "\ufffd") { // encoding/json replaces what is no UTF-8; we refuse the name
		if diff := cmp.Diff(want.Name, got.Name); diff != "" {
			t.Fatalf("body %q: name (-want +got):\n%s", body, diff)
		}
	}
	if want.HasName != got.HasName || want.Present != got.Present {
		t.Fatalf("body %q: got %+v, want %+v", body, got, want)
	}
	if p.records != len(want.Records) && (batch || want.Present) {
		t.Fatalf("body %q: %d records, want %d", body, p.records, len(want.Records))
	}
	size, bad := 0, false
	for _, r := range want.Records {
		data, ok := strings.CutPrefix(r, "data:")
		if bad = bad || !ok; ok {
			size += len(data)
		}
	}
	if size != p.bytes {
		t.Fatalf("body %q: %d bytes, want %d", body, p.bytes, size)
	}
	if bad != (p.nullAt > 0 || p.noDataAt > 0) {
		t.Fatalf("body %q: null at %d, no data at %d, want records %q", body, p.nullAt, p.noDataAt, want.Records)
	}
	if bad || p.skipping {
		return
	}
	if diff := cmp.Diff(want.Records, got.Records); diff != "" {
		t.Fatalf("body %q: records (-want +got):\n%s", body, diff)
	}
}

func TestDecodeRefusesDeepNesting(t *testing.T) {
	for depth, ok := range map[int]bool{31: true, 32: false, 100000: false} {
		body := `{"x":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
		if _, _, err := ours([]byte(body), true); (err == nil) != ok {
			t.Errorf("%d brackets: error %v, want none: %v", depth, err, ok)
		}
	}
}

// A put is used again and again; nothing of an earlier request may show.
func TestDecodeReusesMemoryCleanly(t *testing.T) {
	var p put
	for _, n := range []int{5, 1, 400, 2} {
		body := []byte(`{"DeliveryStreamName":"w","Records":[`)
		for i := range n {
			if i > 0 {
				body = append(body, ',')
			}
			body = fmt.Appendf(body, `{"Data":"%s"}`, b64(fmt.Sprint("record ", i, strings.Repeat("x", i))))
		}
		body = append(body, "]}"...)
		if err := p.decode(body, true); err != nil {
			t.Fatal(err)
		}
		if p.entries.Len() != n {
			t.Fatalf("%d records, want %d", p.entries.Len(), n)
		}
		start := uint32(0)
		for i, end := range p.entries.Ends {
			if got, want := string(p.entries.Data[start:end]), fmt.Sprint("record ", i, strings.Repeat("x", i)); got != want {
				t.Fatalf("record %d of %d is %q, want %q", i, n, got, want)
			}
			start = end
		}
	}
}

func batchBody(records, size int) []byte {
	return fullBatch("bench", records, size, byte('a'))
}

func fullBatch(name string, records, size int, fill byte) []byte {
	data := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, size))
	b := []byte(`{"DeliveryStreamName":"` + name + `","Records":[`)
	for i := range records {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, `{"Data":"`...), data...), `"}`...)
	}
	return append(b, "]}"...)
}

func TestDecodeAllocatesNothing(t *testing.T) {
	body := batchBody(500, 1000)
	var p put
	scratch := bytes.Clone(body)
	n := testing.AllocsPerRun(20, func() {
		copy(scratch, body)
		if err := p.decode(scratch, true); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for 500 records, want 0", n)
	}
}

// cpuTime returns what this process has used: other programs on the machine,
// and the garbage that one way makes, must not blur the comparison.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Both benchmarks decode 500 records of 1 KB. The plain forms of clients are
// compact (Go) and with spaces (Python).
func BenchmarkDecode(b *testing.B) {
	body := batchBody(500, 1000)
	spaced := bytes.ReplaceAll(bytes.ReplaceAll(body, []byte(`":`), []byte(`": `)), []byte(`},{`), []byte(`}, {`))
	for _, c := range []struct {
		name string
		body []byte
	}{{"compact", body}, {"spaced", spaced}} {
		b.Run("scanner/"+c.name, func(b *testing.B) {
			var p put
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			began := cpuTime(b)
			for b.Loop() {
				if err := p.decode(c.body, true); err != nil || p.entries.Len() != 500 {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*500/(cpuTime(b)-began).Seconds(), "records/CPU-s")
		})
		b.Run("encoding-json/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			began := cpuTime(b)
			for b.Loop() {
				var v struct {
					DeliveryStreamName string
					Records            []struct{ Data []byte }
				}
				if err := json.Unmarshal(c.body, &v); err != nil || len(v.Records) != 500 {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*500/(cpuTime(b)-began).Seconds(), "records/CPU-s")
		})
	}
}
