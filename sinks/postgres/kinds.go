package postgres

import "github.com/hydrant-dev/hydrant/convert/column"

// kind is what a value of a column becomes in binary COPY.
type kind uint8

const (
	unknown kind = iota
	boolean
	int2
	int4
	int8
	float4
	float8
	numeric
	text
	char // its spaces at the end do not count
	jsonText
	jsonb
	uuid
	enum
	date
	timestamp
	bytea
	array
)

// kinds are the types that can be filled, by the server's function that reads
// their binary form.
var kinds = map[string]kind{
	"boolrecv": boolean, "int2recv": int2, "int4recv": int4, "int8recv": int8,
	"float4recv": float4, "float8recv": float8, "numeric_recv": numeric,
	"textrecv": text, "citextrecv": text, "xml_recv": text, "varcharrecv": text, "bpcharrecv": char,
	"json_recv": jsonText, "jsonb_recv": jsonb, "uuid_recv": uuid, "enum_recv": enum, "bytearecv": bytea,
	"date_recv": date, "timestamp_recv": timestamp, "timestamptz_recv": timestamp,
}

// typ is the type of a column.
type typ struct {
	kind     kind
	oid      uint32
	length   int  // characters, of a text; 0: no limit
	limited  bool // a numeric has a precision
	digits   int  // its precision
	scale    int
	labels   map[string]struct{} // of an enum
	element  *typ                // of an array
	declared string              // for people
}

// limit reads what a column says about its type: atttypmod, or an enum's labels.
func (t *typ) limit(mod int32, labels []string) {
	switch {
	case t.kind == enum:
		t.labels = make(map[string]struct{}, len(labels))
		for _, l := range labels {
			t.labels[l] = struct{}{}
		}
	case mod < 4: // none
	case t.kind == text, t.kind == char:
		t.length = int(mod - 4)
	case t.kind == numeric:
		// As in NUMERIC_TYPMOD_SCALE of the server: 11 bits with a sign.
		t.limited, t.digits, t.scale = true, int((mod-4)>>16&0xffff), int((mod-4)&0x7ff^1024)-1024
	}
}

// parsed is the type that JSON is read as. Numerics of any length, and texts
// that must not be cut, are read as the text they are.
func (t *typ) parsed() column.Type {
	switch t.kind {
	case boolean:
		return column.Type{Kind: column.Boolean}
	case int2:
		return column.Type{Kind: column.SmallInt}
	case int4:
		return column.Type{Kind: column.Int}
	case int8:
		return column.Type{Kind: column.BigInt}
	case float4:
		return column.Type{Kind: column.Float}
	case float8:
		return column.Type{Kind: column.Double}
	case date:
		return column.Type{Kind: column.Date}
	case timestamp:
		return column.Type{Kind: column.Timestamp}
	case bytea:
		return column.Type{Kind: column.Binary}
	case array:
		return column.ArrayOf(t.element.parsed())
	}
	return column.Type{Kind: column.String}
}
