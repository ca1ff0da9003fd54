package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// meaning is what an SQLSTATE says to us.
type meaning struct {
	kind sinks.Kind
	hint string // %s is the table
}

const (
	hintLogin  = "correct the user in dsn and password, or allow the user in pg_hba.conf"
	hintRights = "allow the user: GRANT INSERT (and, with on_conflict, SELECT and UPDATE) ON %s; for the checkpoints SELECT, INSERT, UPDATE, DELETE; " +
		"with on_conflict also TEMPORARY on the database"
	hintTable  = "create the table %s or correct copy_command.data_table_name"
	hintColumn = "correct copy_command.data_table_columns or on_conflict.keys: they do not fit the table %s"
	hintKey    = "create a unique index on on_conflict.keys of the table %s"
	hintPool   = "let PgBouncer pool in session mode"
	hintSpace  = "free space on the database's server"
)

// meanings of SQLSTATEs: of five characters, or of the class that the first two
// name. All others are Retryable: nothing is given up because an answer was not
// understood. BadRecord means that the error is about a row.
//
// Source: postgresql.org/docs/current/errcodes-appendix.html.
var meanings = map[string]meaning{
	"0A":    {sinks.Permanent, "the server cannot do that to the table %s; with row security, let the user bypass it"},
	"0L":    {sinks.Permanent, hintRights},
	"0P":    {sinks.Permanent, hintLogin},
	"09":    {sinks.BadRecord, ""}, // triggers refuse rows like this,
	"20":    {sinks.BadRecord, ""},
	"21":    {sinks.BadRecord, ""},
	"22":    {sinks.BadRecord, ""},
	"23":    {sinks.BadRecord, ""},
	"26":    {sinks.Retryable, hintPool},
	"27":    {sinks.BadRecord, ""},
	"28":    {sinks.Permanent, hintLogin},
	"2B":    {sinks.Permanent, ""},
	"2F":    {sinks.BadRecord, ""},
	"38":    {sinks.BadRecord, ""},
	"39":    {sinks.BadRecord, ""},
	"3D":    {sinks.Permanent, "create the database or correct dsn"},
	"3F":    {sinks.Permanent, "create the schema of %s or correct copy_command.data_table_name"},
	"42":    {sinks.Permanent, ""},
	"42501": {sinks.Permanent, hintRights},
	"42P01": {sinks.Permanent, hintTable},
	"42703": {sinks.Permanent, hintColumn},
	"42P10": {sinks.Permanent, hintKey},
	"42P05": {sinks.Retryable, hintPool},
	"44":    {sinks.BadRecord, ""},
	"25006": {sinks.Retryable, "the server is read-only: a replica; add target_session_attrs=read-write and all hosts to dsn"},
	"53100": {sinks.Permanent, hintSpace},
	"53300": {sinks.Throttled, "raise max_connections of the server, or use PgBouncer"},
	"54":    {sinks.BadRecord, ""}, // an index entry, a field or a JSON document that is too large
	"54011": {sinks.Permanent, ""}, // too many columns
	"54023": {sinks.Permanent, ""}, // too many arguments
	"55000": {sinks.Permanent, ""},
	"F0":    {sinks.Permanent, "look at the server's configuration file"},
	"P0":    {sinks.BadRecord, ""}, // and like this: RAISE EXCEPTION, ASSERT
	"22P03": {sinks.Permanent, "tell us: the server does not understand the rows we send for %s"},
	"22P04": {sinks.Permanent, "tell us: the server does not understand the rows we send for %s"},
}

// code returns the SQLSTATE in an error, or "".
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// classify says what went wrong, for the delivery and for people. It is the
// only place that reads SQLSTATEs.
func classify(op string, table relation, err error) *sinks.Error {
	e := &sinks.Error{Op: op, Err: err}
	if state := code(err); state != "" {
		m, known := meanings[state]
		if !known {
			m = meanings[state[:min(2, len(state))]]
		}
		e.Kind, e.Reason, e.Hint = m.kind, state, strings.ReplaceAll(m.hint, "%s", table.String())
		if e.Kind == sinks.BadRecord && op != "copy" {
			e.Kind = sinks.Retryable // no row was sent
		}
		return e
	}
	e.Kind, e.Reason, e.Hint = transportError(err)
	return e
}

// transportError is for attempts that the server did not answer. Whether they
// had an effect, the next attempt finds out.
func transportError(err error) (kind sinks.Kind, reason, hint string) {
	if errors.Is(err, errClosed) {
		return sinks.Retryable, "closed", ""
	}
	trouble := outbound.TroubleOf(err)
	if trouble.Permanent() {
		kind = sinks.Permanent
	}
	switch trouble {
	case outbound.Forbidden:
		hint = "correct the host in dsn"
	case outbound.Untrusted:
		hint = "set tls.ca_file to the certificate of the server's authority, or correct the host in dsn"
	case outbound.Rejected:
		hint = "set tls.cert_file and tls.key_file to a certificate that the server trusts"
	case outbound.NotFound:
		hint = "check the host in dsn"
	case outbound.Canceled, outbound.DialTimeout, outbound.Timeout:
	default:
		hint = "check that the server is running and that dsn is right"
	}
	return kind, trouble.String(), hint
}
