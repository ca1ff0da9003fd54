package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/sinks"
)

// targetFor is a table as the server would describe it.
func targetFor(t testing.TB, columns ...string) *target {
	t.Helper()
	receivers := map[string]string{"boolean": "boolrecv", "smallint": "int2recv", "int": "int4recv", "bigint": "int8recv", "real": "float4recv",
		"double": "float8recv", "numeric": "numeric_recv", "text": "textrecv", "json": "json_recv", "jsonb": "jsonb_recv", "uuid": "uuid_recv",
		"date": "date_recv", "timestamptz": "timestamptz_recv", "bytea": "bytearecv"}
	var all []found
	for _, c := range columns {
		name, typ, _ := strings.Cut(c, " ")
		receive, element := receivers[typ], ""
		if of, ok := strings.CutSuffix(typ, "[]"); ok {
			receive, element = "array_recv", receivers[of]
		}
		var f found
		err := f.scan([][]byte{[]byte(name), []byte("f"), []byte("-1"), []byte(receive), []byte("25"), []byte(element), []byte("0"), []byte("f"), []byte("f"), []byte(typ), []byte("[]")})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	target, err := newTarget(all, nil, column.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// payloadOf is what a writer makes of records.
func payloadOf(records ...[]byte) *sinks.Payload {
	p := &sinks.Payload{}
	var body []byte
	for i, r := range records {
		body = append(append(body, r...), '\n')
		p.Ends, p.Seqs = append(p.Ends, int64(len(body))), append(p.Seqs, uint64(i+1))
	}
	p.Body = bytes.NewReader(body)
	return p
}

// readCopy takes a binary copy apart, with our own knowledge of the format.
func readCopy(b []byte) (fields [][][]byte, err error) {
	rest, ok := bytes.CutPrefix(b, []byte(copyHeader))
	if !ok {
		return nil, errors.New("no header")
	}
	take := func(n int) []byte {
		if n > len(rest) {
			err = fmt.Errorf("%d bytes are missing", n-len(rest))
			return make([]byte, n)
		}
		head := rest[:n]
		rest = rest[n:]
		return head
	}
	for err == nil {
		n := int16(binary.BigEndian.Uint16(take(2)))
		if n == -1 {
			break
		}
		var row [][]byte
		for range n {
			size := int32(binary.BigEndian.Uint32(take(4)))
			if size == -1 {
				row = append(row, nil)
			} else if size < 0 || int(size) > len(rest) {
				return nil, fmt.Errorf("a field of %d bytes", size)
			} else {
				row = append(row, take(int(size)))
			}
		}
		fields = append(fields, row)
	}
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the end", len(rest))
	}
	return fields, err
}

var allTypes = []string{"a boolean", "b smallint", "c int", "d bigint", "e real", "f double", "g numeric", "h text", "i json", "j jsonb", "k uuid",
	"l date", "m timestamptz", "n bytea", "o int[]", "p text[]", "q numeric[]", "r jsonb[]"}

const allValues = `{"a":true,"b":1,"c":-2,"d":3,"e":0.5,"f":-1e300,"g":-12345.678,"h":"text","i":{"x":[1]},"j":{"x":"\u00e9"},
	"k":"6f9619ff-8b86-d011-b42d-00c04fc964ff","l":"2026-11-23","m":"2026-11-23T12:34:56.789Z","n":"aGk=","o":[1,null],"p":["a"],"q":[1.5,"7"],"r":[{},null]}`

// FuzzCopy lets records of any bytes be copied, one of them between good ones:
// what is sent is always well formed, and all good ones are in it.
func FuzzCopy(f *testing.F) {
	f.Add([]byte(allValues))
	f.Add([]byte(`{}{"a":false}`))
	f.Add([]byte(`{"g":1e131071,"h":"\u0000","k":"{6f9619ff8b86d011b42d00c04fc964ff}"}`))
	f.Add([]byte(`{"q":[1e-9999,-0.000,99999999999999999999]}` + "\n\xff{"))
	f.Add([]byte(`not JSON`))
	target := targetFor(f, allTypes...)
	f.Fuzz(func(t *testing.T, record []byte) {
		var r rows
		good := []byte(allValues)
		r.prepare(target, payloadOf(good, record, good), true)
		r.start(0, 3)
		out, err := io.ReadAll(&r)
		if err != nil {
			t.Fatal(err)
		}
		list, err := readCopy(out)
		if err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		if len(list) != len(r.sent) || len(list) < 2 || r.sent[0] != 0 || r.sent[len(list)-1] != 2 {
			t.Fatalf("%d rows are sent, of records %v", len(list), r.sent)
		}
		for n, row := range list {
			if len(row) != len(allTypes)+1 || binary.BigEndian.Uint64(row[len(allTypes)]) != uint64(n) {
				t.Fatalf("row %d has %d fields, want %d and its number", n, len(row), len(allTypes))
			}
			for i, at := range []int{2, 4, 8, 4, 8} { // b, c, d, e, f
				if size := len(row[i+1]); size != 0 && size != at {
					t.Fatalf("column %s has %d bytes", allTypes[i+1], size)
				}
			}
		}
		if r.refused[1] != (len(r.items) == 1) || r.refused[1] && (len(list) != 2 || r.items[0].Row != 1 || r.items[0].Code == "" || r.items[0].Message == "") {
			t.Fatalf("refused %v, with %d rows", r.items, len(list))
		}
	})
}

// FuzzNumeric compares what we make of a number with math/big, read by the
// client library's decoder.
func FuzzNumeric(f *testing.F) {
	for _, s := range []string{"0", "-0.0", "1", "-1.50", "12345678.9", "1e10", "9.99e-5", "100000000", "0.0001", "000123.4500", "+7", "1e131071", "1e-16383", ".5", "5.", "", "-", "e5", "1e", "NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 100 {
			return
		}
		var e encoder
		out := e.numeric(nil, &cursor{typ: &typ{kind: numeric, declared: "numeric"}}, []byte(s))
		want, ok := new(big.Rat), false
		if plain := strings.TrimLeft(s, "+-"); len(plain) >= len(s)-1 && strings.Trim(s, "+-.0123456789eE") == "" && !farExponent(s) {
			_, ok = want.SetString(s)
		} else if farExponent(s) {
			return
		}
		if e.bad.code != "" {
			if ok && e.bad.code != "22003" {
				t.Fatalf("%q is refused: %v", s, e.bad)
			}
			if len(out) != 0 {
				t.Fatalf("%q is refused, and there are %d bytes", s, len(out))
			}
			return
		}
		if !ok {
			t.Fatalf("%q is taken", s)
		}
		if size := binary.BigEndian.Uint32(out); int(size) != len(out)-4 {
			t.Fatalf("%q: the length is %d of %d", s, size, len(out)-4)
		}
		var n pgtype.Numeric
		if err := pgtype.NewMap().Scan(pgtype.NumericOID, pgtype.BinaryFormatCode, out[4:], &n); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		got := new(big.Rat).SetInt(n.Int)
		power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n.Exp, -n.Exp))), nil))
		if n.Exp < 0 {
			power.Inv(power)
		}
		if got.Mul(got, power).Cmp(want) != 0 {
			t.Errorf("%q became %v", s, got)
		}
	})
}

// farExponent passes over numbers that math/big would take long for.
func farExponent(s string) bool {
	i := strings.IndexAny(s, "eE")
	return i >= 0 && len(strings.Trim(s[i:], "eE+-0")) > 3
}

func FuzzRelation(f *testing.F) {
	for _, s := range []string{`orders`, `public.orders`, `"a.b"."c""d"`, `"`, `a.b.c`, `a"b`, "a\x00", `""`, `"x"y`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRelation(s)
		if err != nil {
			return
		}
		again, err := parseRelation(r.sql())
		if err != nil || again != r {
			t.Errorf("%q is %+v, and that as SQL %+v, %v", s, r, again, err)
		}
	})
}

// clicks are records for the columns of benchTarget.
func clicks(n int) *sinks.Payload {
	var list [][]byte
	for i := range n {
		list = append(list, fmt.Appendf(nil, `{"id":%d,"at":"2026-11-23T12:%02d:%02d.%03dZ","user_id":%d,"page":"/products/%d","ms":%d,"price":"%d.%02d","ok":%v,"ratio":0.%d,"country":"DE","agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"}`,
			i, i%60, i%59, i%1000, i*7919%100000, i%500, i%3000, i%100, i%90+10, i%2 == 0, i%1000+1))
	}
	return payloadOf(list...)
}

func clicksTarget(t testing.TB) *target {
	return targetFor(t, "id bigint", "at timestamptz", "user_id int", "page text", "ms int", "price numeric", "ok boolean", "ratio double", "country text", "agent text")
}

// TestCopyAllocatesNothingPerRow: what is needed once is kept.
func TestCopyAllocatesNothingPerRow(t *testing.T) {
	const records = 10_000
	p, target := clicks(records), clicksTarget(t)
	var r rows
	buf := make([]byte, 64<<10)
	run := func() {
		r.prepare(target, p, false)
		r.start(0, records)
		for {
			if _, err := r.Read(buf); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if len(r.sent) != records {
			t.Fatalf("%d rows, refused %v", len(r.sent), r.items[:1])
		}
	}
	run()
	if got := testing.AllocsPerRun(5, run); got > 20 {
		t.Errorf("%v allocations for %d rows, want at most 20", got, records)
	}
}

func BenchmarkParseAndEncode(b *testing.B) {
	const records = 20_000
	p, target := clicks(records), clicksTarget(b)
	var r rows
	buf := make([]byte, 64<<10)
	b.SetBytes(p.Ends[records-1])
	b.ReportAllocs()
	for b.Loop() {
		r.prepare(target, p, false)
		r.start(0, records)
		for {
			if _, err := r.Read(buf); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/row")
}

func BenchmarkEncode(b *testing.B) {
	const records = 1000
	p, target := clicks(records), clicksTarget(b)
	var c buffer.Chunk
	c.Reset(buffer.Position{Seq: 1})
	body := make([]byte, p.Ends[records-1])
	if _, err := p.Body.ReadAt(body, 0); err != nil {
		b.Fatal(err)
	}
	copy(c.Grow(len(body)), body)
	var list []int
	start := int64(0)
	for i, end := range p.Ends {
		c.Append(uint32(start), uint32(end)-1, 0)
		start, list = end, append(list, i)
	}
	var batch column.Batch
	target.parser().Parse(&c, list, &batch)
	e := newEncoder(target)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = out[:0]
		e.begin(&batch)
		for i := range records {
			out = e.next(out, int64(i), false)
		}
	}
	b.SetBytes(int64(len(out)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/row")
}
