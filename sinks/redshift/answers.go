package redshift

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/postgres"
)

// meaning is what an answer of Redshift says to us.
type meaning struct {
	kind sinks.Kind
	hint string // %s is the table
}

const (
	hintLogin  = "correct the user in dsn and password"
	hintTable  = "create the table %s or correct copy_command.data_table_name"
	hintRights = "allow the user: GRANT INSERT ON %s"
	hintCopy   = "correct copy_command.copy_options or data_table_columns: they do not fit the table %s"
	hintRole   = "correct IAM_ROLE or the credentials in copy_command.copy_options, and attach the role to the cluster or workgroup"
	hintS3     = "let the role or key in copy_command.copy_options read the bucket (s3:GetObject, s3:ListBucket), and its encryption key"
	hintRegion = "add REGION '...' to copy_command.copy_options: the bucket is in another region than the cluster"
	hintData   = "see sys_load_error_detail; mend the table %s or allow bad records with MAXERROR; after retry_options.duration the batch goes to the error output"
	hintObject = "an object is missing in the bucket: let no lifecycle rule delete objects before they are loaded"
	hintSpace  = "free space in the cluster, or raise its quota"
)

// undefinedTable is the SQLSTATE of a table that is not there.
const undefinedTable = "42P01"

// states are the meanings of SQLSTATEs: of five characters, or of the class
// that the first two name. All others are Retryable. None is BadRecord: COPY
// takes an object or leaves it, and Firehose tries all until its time is over.
var states = map[string]meaning{
	"08":           {sinks.Retryable, ""},
	"0A":           {sinks.Permanent, hintCopy},
	"0L":           {sinks.Permanent, hintRights},
	"22":           {sinks.Retryable, hintData},
	"23":           {sinks.Retryable, hintData},
	"25006":        {sinks.Retryable, "the cluster takes no writes: it is resized or maintained"},
	"28":           {sinks.Permanent, hintLogin},
	"3D":           {sinks.Permanent, "create the database or correct dsn"},
	"3F":           {sinks.Permanent, "create the schema of %s or correct copy_command.data_table_name"},
	"40":           {sinks.Retryable, ""},
	"42":           {sinks.Permanent, hintCopy},
	"42501":        {sinks.Permanent, hintRights},
	undefinedTable: {sinks.Permanent, hintTable},
	"53":           {sinks.Retryable, ""},
	"53100":        {sinks.Retryable, hintSpace},
	"53300":        {sinks.Throttled, "raise the limit of connections of the user or the cluster"},
	"57014":        {sinks.Retryable, "a statement timeout or a rule of workload management ended it: raise the limit for the user"},
	"57P":          {sinks.Retryable, ""},
}

// Reasons for what has no SQLSTATE of its own.
const (
	reasonData    = "load-errors"
	internalError = "XX000"
)

// texts are the meanings of internal errors, which are most errors of COPY: by
// something that the message or the detail contains, in lower case. The first
// that is there counts.
//
// Sources: docs.aws.amazon.com/redshift/latest/dg/r_COPY.html, the error codes
// of docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html,
// and messages that users have reported.
var texts = []struct {
	text, reason string
	meaning
}{
	// These name the table, which may be called anything.
	{"stl_load_errors", reasonData, meaning{sinks.Retryable, hintData}},
	{"sys_load_error_detail", reasonData, meaning{sinks.Retryable, hintData}},
	{"load into table", reasonData, meaning{sinks.Retryable, hintData}},
	{"not authorized to assume", "iam-role", meaning{sinks.Permanent, hintRole}},
	{"not authorized to get credentials", "iam-role", meaning{sinks.Permanent, hintRole}},
	{"invalidaccesskeyid", "credentials", meaning{sinks.Permanent, hintRole}},
	{"signaturedoesnotmatch", "credentials", meaning{sinks.Permanent, hintRole}},
	{"expiredtoken", "credentials", meaning{sinks.Permanent, hintRole}},
	{"invalidtoken", "credentials", meaning{sinks.Permanent, hintRole}},
	{"invalid credentials", "credentials", meaning{sinks.Permanent, hintRole}},
	{"must specify credentials", "credentials", meaning{sinks.Permanent, hintRole}},
	{"permanentredirect", "region", meaning{sinks.Permanent, hintRegion}},
	{"authorizationheadermalformed", "region", meaning{sinks.Permanent, hintRegion}},
	{"must be addressed using the specified endpoint", "region", meaning{sinks.Permanent, hintRegion}},
	{"nosuchbucket", "bucket", meaning{sinks.Permanent, "create the bucket of s3.bucket, or correct it"}},
	{"nosuchkey", "object", meaning{sinks.Retryable, hintObject}},
	{"specified key does not exist", "object", meaning{sinks.Retryable, hintObject}},
	{"accessdenied", "bucket", meaning{sinks.Permanent, hintS3}},
	{"access denied", "bucket", meaning{sinks.Permanent, hintS3}},
	{"kms.", "bucket", meaning{sinks.Permanent, hintS3}},
	// A manifest that cannot be read because of missing rights looks like this.
	{"requires full path of an s3 object", "bucket", meaning{sinks.Permanent, hintS3}},
	{"slowdown", "slow-down", meaning{sinks.Throttled, ""}},
	{"serializable isolation violation", "1023", meaning{sinks.Retryable, ""}},
	{"disk full", "disk-full", meaning{sinks.Retryable, hintSpace}},
	{"quota exceeded", "disk-full", meaning{sinks.Retryable, hintSpace}},
	{"read-only", "read-only", meaning{sinks.Retryable, "the cluster takes no writes: it is resized or maintained"}},
	{"permission denied", "42501", meaning{sinks.Permanent, hintRights}},
	{"jsonpath", "jsonpaths", meaning{sinks.Permanent, hintCopy}},
	{"not supported", "options", meaning{sinks.Permanent, hintCopy}},
	{"incompatible parquet schema", reasonData, meaning{sinks.Retryable, hintData}},
	{"spectrum scan error", reasonData, meaning{sinks.Retryable, hintData}},
}

// classify says what went wrong, for the delivery and for people. It is the
// only place that reads the server's errors.
func (s *Sink) classify(op string, err error) *sinks.Error {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		e := &sinks.Error{Op: op, Err: err}
		e.Kind, e.Reason, e.Hint = postgres.TransportError(err)
		return e
	}
	text := answer.Severity + ": " + answer.Message
	if answer.Detail != "" {
		text += ": " + strings.Join(strings.Fields(answer.Detail), " ") // Redshift's is a table of several lines
	}
	// It may quote the statement, and so the credentials.
	return s.refusal(op, answer.Code, errors.New(s.options.redact(text)+" (SQLSTATE "+answer.Code+")"))
}

// refusal is an answer with an SQLSTATE.
func (s *Sink) refusal(op, state string, err error) *sinks.Error {
	m, reason := meaningOf(state, strings.ToLower(err.Error()))
	return &sinks.Error{Kind: m.kind, Op: op, Reason: reason, Hint: strings.ReplaceAll(m.hint, "%s", s.table.String()), Err: err}
}

func meaningOf(state, text string) (m meaning, reason string) {
	if state == internalError {
		for _, t := range texts {
			if strings.Contains(text, t.text) {
				return t.meaning, t.reason
			}
		}
		return meaning{}, state
	}
	for n := len(state); n >= 2; n-- {
		if m, known := states[state[:n]]; known {
			return m, state
		}
	}
	return meaning{}, state
}
