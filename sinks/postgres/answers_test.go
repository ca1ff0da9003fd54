package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// documented are all error codes of PostgreSQL's appendix A, and what each
// means when rows are copied.
//
// Source: postgresql.org/docs/current/errcodes-appendix.html.
var documented = map[sinks.Kind]string{
	// About a row: a type does not take a value, a constraint refuses it, or a
	// trigger does.
	sinks.BadRecord: `09000 20000 21000
		22000 2202E 22021 22008 22012 22005 2200B 22022 22015 2201E 22014 22016 2201F 2201G 22018 22007 22019 2200D 22025 22P06
		22010 22023 22013 2201B 2201W 2201X 2202H 2202G 22009 2200C 2200G 22004 22002 22003 2200H 22026 22001 22011 22027 22024
		2200F 22P01 22P02 22P05 2200L 2200M 2200N 2200S 2200T 22030 22031 22032 22033 22034 22035 22036 22037 22038 22039 2203A
		2203B 2203C 2203D 2203E 2203F 2203G
		23000 23001 23502 23503 23505 23514 23P01 27000 2F000 2F005 2F002 2F003 2F004
		38000 38001 38002 38003 38004 39000 39001 39004 39P01 39P02 39P03 44000 54000 54001 P0000 P0001 P0002 P0003 P0004`,
	// A person has to mend the table, the rights, the configuration or the server.
	sinks.Permanent: `0A000 0L000 0LP01 0P000 22P03 22P04 28000 28P01 2B000 2BP01 3D000 3F000
		42000 42601 42501 42846 42803 42P20 42P19 42830 42602 42622 42939 42804 42P18 42P21 42P22 42809 428C9 42703 42883 42P01 42P02
		42704 42701 42P03 42P04 42723 42P06 42P07 42712 42710 42702 42725 42P08 42P09 42P10 42611 42P11 42P12 42P13 42P14
		42P15 42P16 42P17 53100 54011 54023 55000 F0000 F0001`,
	// The transaction, the connection or the server was at fault.
	sinks.Retryable: `03000 08000 08003 08006 08001 08004 08007 08P01 0B000 0F000 0F001 0Z000 0Z002 24000
		25000 25001 25002 25008 25003 25004 25005 25006 25007 25P01 25P02 25P03 25P04 26000 2D000 34000 3B000 3B001
		40000 40002 40001 40003 40P01 42P05 53000 53200 53400 55006 55P02 55P03 55P04 57000 57014 57P01 57P02 57P03 57P04 57P05
		58000 58030 58P01 58P02 58P03 72000 HV000 HV005 HV002 HV010 HV021 HV024 HV007 HV008 HV004 HV006 HV091 HV00B HV00C HV00D HV090
		HV00A HV009 HV014 HV001 HV00P HV00J HV00K HV00Q HV00R HV00L HV00M HV00N XX000 XX001 XX002 99999 ?`,
	sinks.Throttled: `53300`,
}

func TestClassifyCodes(t *testing.T) {
	table := relation{"public", "orders"}
	for kind, codes := range documented {
		for _, code := range strings.Fields(codes) {
			e := classify("copy", table, fmt.Errorf("x: %w", &pgconn.PgError{Code: code, Message: "m"}))
			if e.Kind != kind || e.Reason != code || e.Op != "copy" {
				t.Errorf("%s is %v (%s), want %v", code, e.Kind, e.Reason, kind)
			}
			// Before a row was sent, none can be at fault.
			e = classify("begin", table, &pgconn.PgError{Code: code})
			if want := kind; want == sinks.BadRecord && e.Kind != sinks.Retryable || want != sinks.BadRecord && e.Kind != want {
				t.Errorf("%s without rows is %v", code, e.Kind)
			}
			if strings.Contains(e.Hint, "%") {
				t.Errorf("%s: hint %q", code, e.Hint)
			}
		}
	}
}

// The codes of the server's own list, where there is one, are all known here.
func TestNoDocumentedCodeIsMissing(t *testing.T) {
	text, err := os.ReadFile("/usr/share/postgresql/15/errcodes.txt")
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	var all []string
	for _, codes := range documented {
		all = append(all, strings.Fields(codes)...)
	}
	known := strings.Join(all, " ")
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && len(f[0]) == 5 && f[1] == "E" && !strings.Contains(known, f[0]) {
			t.Errorf("%s %s has no row", f[0], f[2])
		}
	}
}

func TestHintsSayWhatToDo(t *testing.T) {
	for code, want := range map[string]string{
		"28P01": "password", "42501": "GRANT INSERT", "42P01": "create the table public.orders", "42703": "data_table_columns", "42P10": "unique index",
		"3D000": "create the database", "3F000": "create the schema", "53100": "free space", "53300": "PgBouncer", "25006": "target_session_attrs",
		"26000": "session mode", "42P05": "session mode", "0A000": "row security", "F0000": "configuration file",
	} {
		if e := classify("copy", relation{"public", "orders"}, &pgconn.PgError{Code: code}); !strings.Contains(e.Hint, want) {
			t.Errorf("%s: hint %q, want something with %q", code, e.Hint, want)
		}
	}
}

func TestClassifyWithoutAnAnswer(t *testing.T) {
	for _, c := range []struct {
		err    error
		kind   sinks.Kind
		reason string
	}{
		{errClosed, sinks.Retryable, "closed"},
		{io.ErrUnexpectedEOF, sinks.Retryable, "connection"},
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, sinks.Retryable, "connection"},
		{&net.DNSError{Name: "db"}, sinks.Retryable, "dns"},
		{context.DeadlineExceeded, sinks.Retryable, "timeout"},
		{&net.DNSError{Name: "db", IsTimeout: true}, sinks.Retryable, "dns"},
		{context.Canceled, sinks.Retryable, "canceled"},
		{outbound.ErrAddress, sinks.Permanent, "address"},
		{x509.UnknownAuthorityError{}, sinks.Permanent, "certificate"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "db"}, sinks.Permanent, "certificate"},
	} {
		e := classify("connect", relation{"", "t"}, fmt.Errorf("failed to connect: %w", c.err))
		if e.Kind != c.kind || e.Reason != c.reason || e.Kind == sinks.Permanent && e.Hint == "" {
			t.Errorf("%v is %v, %s, %q", c.err, e.Kind, e.Reason, e.Hint)
		}
	}
}
