package redshift

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/sinktest"
)

func testSink(t testing.TB, options string) *Sink {
	t.Helper()
	c := Default().(*Config)
	c.DSN = "postgres://u@127.0.0.1/db"
	c.S3.Bucket = "staging"
	c.CopyCommand = CopyCommand{DataTableName: "public.orders", CopyOptions: field.NewSecret(options)}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	to, err := c.Open(sinktest.Env(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := to.Close(); err != nil {
			t.Error(err)
		}
	})
	return to.Destination.(*Sink)
}

// The errors of COPY that Redshift's manual and public reports show have a row
// each. No list of them that is complete was found.
func TestAnswersAreClassified(t *testing.T) {
	s := testSink(t, "JSON 'auto'")
	const retry, throttled, hold = sinks.Retryable, sinks.Throttled, sinks.Permanent
	for _, test := range []struct {
		firehose        string // its name for it, after "Redshift."
		state           string
		message, detail string
		kind            sinks.Kind
		reason, hint    string
	}{
		{"TableNotFound", "42P01", `relation "public.orders" does not exist`, "", hold, "42P01", "create the table public.orders"},
		{"SyntaxError", "42601", `syntax error at or near "JSN"`, "", hold, "42601", "copy_options"},
		{"AuthenticationFailed", "28000", `password authentication failed for user "u"`, "", hold, "28000", "password"},
		{"AuthenticationFailed", "28P01", `password authentication failed for user "u"`, "", hold, "28P01", "password"},
		{"AccessDenied", "42501", "permission denied for relation orders", "", hold, "42501", "GRANT INSERT ON public.orders"},
		{"InsufficientPrivilege", "XX000", "permission denied for relation orders", "", hold, "42501", "GRANT"},
		{"S3BucketAccessDenied", "XX000", "S3ServiceException:Access Denied,Status 403,Error AccessDenied,Rid D1,CanRetry 1", "error: x code: 8001", hold, "bucket", "s3:GetObject"},
		{"S3BucketAccessDenied", "XX000", "COPY with MANIFEST parameter requires full path of an S3 object", "code: 8001", hold, "bucket", "s3:GetObject"},
		{"DataLoadFailed", "XX000", "Load into table 'orders' failed.  Check 'stl_load_errors' system table for details.", "", retry, "load-errors", "MAXERROR"},
		{"DataLoadFailed", "XX000", "Load into table 'orders' failed.  Check 'sys_load_error_detail' system table for details.", "", retry, "load-errors", "MAXERROR"},
		{"DataLoadFailed", "XX000", "Spectrum Scan Error", "error: Spectrum Scan Error code: 15007 context: File has an incompatible Parquet schema for column", retry, "load-errors", "MAXERROR"},
		{"DataLoadFailed", "XX000", "Load into table 'accessdenied' failed.  Check 'stl_load_errors' system table for details.", "", retry, "load-errors", "MAXERROR"},
		{"ColumnNotFound", "42703", `column "x" of relation "orders" does not exist`, "", hold, "42703", "data_table_columns"},
		{"DatabaseNotFound", "3D000", `database "db" does not exist`, "", hold, "3D000", "dsn"},
		{"SchemaNotFound", "3F000", `schema "public" does not exist`, "", hold, "3F000", "data_table_name"},
		{"IncorrectCopyOptions", "42601", "conflicting or redundant options", "", hold, "42601", "copy_options"},
		{"IncorrectCopyOptions", "XX000", "COPY options not supported together", "", hold, "options", "copy_options"},
		{"ArgumentNotSupported", "0A000", "argument is not supported for PARQUET based COPY", "", hold, "0A000", "copy_options"},
		{"InvalidCopyOptionForJson", "0A000", "JSON is not compatible with FIXEDWIDTH", "", hold, "0A000", "copy_options"},
		{"MissingColumn", "23502", "cannot insert a NULL value into column id", "", retry, "23502", "error output"},
		{"ColumnNotNullWithoutDefault", "42601", "COPY: column id is NOT NULL without a DEFAULT and not in the list", "", hold, "42601", "data_table_columns"},
		{"ColumnSpecifiedMoreThanOnce", "42701", `column "a" specified more than once`, "", hold, "42701", "data_table_columns"},
		{"ColumnMismatch", "XX000", "Number of jsonpaths and the number of columns should match", "", hold, "jsonpaths", "copy_options"},
		{"IncorrectJsonPathsFile", "XX000", "Invalid JSONPath format", "", hold, "jsonpaths", "copy_options"},
		{"IncorrectOrMissingRegion", "XX000", "S3ServiceException:The bucket you are attempting to access must be addressed using the specified endpoint.,Status 301,Error PermanentRedirect", "", hold, "region", "REGION"},
		{"IncorrectBucketRegion", "XX000", "S3ServiceException:The authorization header is malformed,Status 400,Error AuthorizationHeaderMalformed", "", hold, "region", "REGION"},
		{"MissingS3File", "XX000", "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey", "", retry, "object", "lifecycle"},
		{"", "XX000", "S3ServiceException:The specified bucket does not exist,Status 404,Error NoSuchBucket", "", hold, "bucket", "s3.bucket"},
		{"S3SlowDown", "XX000", "S3ServiceException:Please reduce your request rate.,Status 503,Error SlowDown", "", throttled, "slow-down", ""},
		{"MissingCredentials", "XX000", "must specify credentials", "", hold, "credentials", "IAM_ROLE"},
		{"IncorrectCredentials", "XX000", "S3ServiceException:The AWS Access Key Id you provided does not exist in our records.,Status 403,Error InvalidAccessKeyId", "", hold, "credentials", "IAM_ROLE"},
		{"IncorrectCredentials", "XX000", "S3ServiceException:x,Status 403,Error SignatureDoesNotMatch", "", hold, "credentials", "IAM_ROLE"},
		{"ExpiredCredentials", "XX000", "S3ServiceException:The provided token has expired.,Status 400,Error ExpiredToken", "", hold, "credentials", "IAM_ROLE"},
		{"", "XX000", "S3ServiceException:x,Status 400,Error InvalidToken", "", hold, "credentials", "IAM_ROLE"},
		{"", "XX000", "Invalid credentials. Must be of the format: credentials 'aws_iam_role=...'", "", hold, "credentials", "IAM_ROLE"},
		{"InvalidRole", "XX000", "User arn:aws:redshift:us-east-1:1:dbuser:c/u is not authorized to assume IAM Role arn:aws:iam::1:role/r", "", hold, "iam-role", "attach the role"},
		{"InvalidRole", "XX000", "Not authorized to get credentials of role arn:aws:iam::1:role/r", "", hold, "iam-role", "attach the role"},
		{"EncryptionCredentials", "XX000", "S3ServiceException:x,Status 400,Error KMS.DisabledException", "", hold, "bucket", "encryption key"},
		{"ConnectionsLimitExceeded", "53300", `connection limit "500" exceeded for non-bootstrap users`, "", throttled, "53300", "limit of connections"},
		{"DiskFull", "53100", "Disk Full", "", retry, "53100", "free space"},
		{"DiskFull", "XX000", "Disk Full", "error: Disk Full code: 1016", retry, "disk-full", "free space"},
		{"DiskSpaceQuotaExceeded", "XX000", "Transaction aborted due to schema disk space quota exceeded", "", retry, "disk-full", "quota"},
		{"ReadOnlyCluster", "25006", "cannot execute COPY in a read-only transaction", "", retry, "25006", "resized"},
		{"ReadOnlyCluster", "XX000", "Cluster is in read-only mode", "", retry, "read-only", "resized"},
		{"QueryCancelled", "57014", "Query (1) cancelled on user's request", "", retry, "57014", "timeout"},
		{"InternalError", "XX000", "Assert", "code: 1000", retry, "XX000", ""},
		{"CompressionMismatch", "XX000", "gzip: unexpected end of stream. Unknown zlib error code", "", retry, "XX000", ""},
		{"Delimiter", "22023", "COPY delimiter must be a single character", "", retry, "22023", "error output"},
		{"ConnectionFailed", "08006", "connection failure", "", retry, "08006", ""},
		{"ConnectionFailed", "57P01", "terminating connection due to administrator command", "", retry, "57P01", ""},
		{"ConnectionFailed", "57P03", "the database system is starting up", "", retry, "57P03", ""},
		{"", "XX000", "1023", "Serializable isolation violation on table - 1256109, transactions forming the cycle are: 1, 2", retry, "1023", ""},
		{"", "40001", "could not serialize access", "", retry, "40001", ""},
		{"", "0LP01", "grant", "", hold, "0LP01", "GRANT"},
		{"", "53200", "out of memory", "", retry, "53200", ""},
		{"", "ZZ999", "what nobody knows", "", retry, "ZZ999", ""},
	} {
		t.Run(test.firehose+" "+test.state, func(t *testing.T) {
			e := s.classify("copy", fmt.Errorf("wrapped: %w", &pgconn.PgError{Severity: "ERROR", Code: test.state, Message: test.message, Detail: test.detail}))
			if e.Kind != test.kind || e.Reason != test.reason || !strings.Contains(e.Hint, test.hint) || test.kind == hold && e.Hint == "" {
				t.Errorf("%v, %s, %q; want %v, %s, %q", e.Kind, e.Reason, e.Hint, test.kind, test.reason, test.hint)
			}
			if !strings.Contains(e.Error(), test.message) || !strings.Contains(e.Error(), test.state) || strings.Contains(e.Hint, "%s") {
				t.Errorf("it reads %q", e)
			}
		})
	}
}

func TestMissingAnswersAreRetried(t *testing.T) {
	s := testSink(t, "JSON 'auto'")
	for reason, err := range map[string]error{
		"timeout":    context.DeadlineExceeded,
		"canceled":   fmt.Errorf("x: %w", context.Canceled),
		"connection": io.ErrUnexpectedEOF,
		"dns":        &net.DNSError{Err: "no such host"},
	} {
		if e := s.classify("commit", err); e.Kind != sinks.Retryable || e.Reason != reason || !errors.Is(e, err) {
			t.Errorf("%v is %v, %s", err, e.Kind, e.Reason)
		}
	}
}

// A server may quote the statement, and so the credentials in it.
func TestCredentialsAreTakenOutOfErrors(t *testing.T) {
	s := testSink(t, "JSON 'auto' CREDENTIALS 'aws_access_key_id=AKIACANARY;aws_secret_access_key=canary/secret' ACCESS_KEY_ID 'canary-key' SESSION_TOKEN 'it''s a canary'")
	e := s.classify("copy", &pgconn.PgError{Code: "42601",
		Message: `syntax error at or near "canary/secret" and 'it's a canary'`, Detail: "key AKIACANARY, canary-key, 's3://bucket/auto'"})
	for _, text := range []string{e.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e.Err)} {
		if strings.Contains(strings.ToLower(text), "canary") || !strings.Contains(text, "s3://bucket/auto") {
			t.Errorf("the error reads %s", text)
		}
	}
}
