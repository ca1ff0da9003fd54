package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// TestClassify goes through the error codes that Amazon S3 documents for the
// operations we use, those of MinIO, and what happens without an answer.
func TestClassify(t *testing.T) {
	code := func(status int, code string) error { return minio.ErrorResponse{StatusCode: status, Code: code} }
	const r, th, p = sinks.Retryable, sinks.Throttled, sinks.Permanent
	for _, test := range []struct {
		err    error
		kind   sinks.Kind
		reason string
		hint   string
	}{
		{code(404, "NoSuchBucket"), p, "NoSuchBucket", "create the bucket lake or correct destination.s3.bucket"},
		{code(400, "InvalidBucketName"), p, "InvalidBucketName", "lake"},
		{code(403, "AccessDenied"), p, "AccessDenied", "s3:PutObject"},
		{code(403, "AllAccessDisabled"), p, "AllAccessDisabled", ""},
		{code(403, "AccountProblem"), p, "AccountProblem", ""},
		{code(403, "InvalidAccessKeyId"), p, "InvalidAccessKeyId", "access_key_id"},
		{code(403, "SignatureDoesNotMatch"), p, "SignatureDoesNotMatch", "secret_access_key"},
		{code(403, "InvalidSecurity"), p, "InvalidSecurity", ""},
		{code(403, "NotSignedUp"), p, "NotSignedUp", ""},
		{code(400, "ExpiredToken"), p, "ExpiredToken", "session_token"},
		{code(400, "InvalidToken"), p, "InvalidToken", "session_token"},
		{code(400, "TokenRefreshRequired"), p, "TokenRefreshRequired", ""},
		{code(403, "RequestTimeTooSkewed"), p, "RequestTimeTooSkewed", "clock"},
		{code(301, "PermanentRedirect"), p, "PermanentRedirect", "region"},
		{code(307, "Redirect"), p, "Redirect", "region"},
		{code(307, "TemporaryRedirect"), r, "TemporaryRedirect", ""},
		{code(400, "AuthorizationHeaderMalformed"), p, "AuthorizationHeaderMalformed", "region"},
		{code(400, "IllegalLocationConstraintException"), p, "IllegalLocationConstraintException", "region"},
		{code(400, "EntityTooLarge"), p, "EntityTooLarge", "buffering_hints.size"},
		{code(400, "EntityTooSmall"), p, "EntityTooSmall", "part_size"},
		{code(400, "KeyTooLongError"), p, "KeyTooLongError", "prefix"},
		{code(405, "MethodNotAllowed"), p, "MethodNotAllowed", "endpoint"},
		{code(501, "NotImplemented"), p, "NotImplemented", ""},
		{code(400, "InvalidStorageClass"), p, "InvalidStorageClass", ""},
		{code(403, "InvalidObjectState"), p, "InvalidObjectState", ""},
		{code(400, "InvalidURI"), p, "InvalidURI", "prefix"},
		{code(507, "XMinioStorageFull"), p, "XMinioStorageFull", "free space"},
		{code(400, "XMinioAdminBucketQuotaExceeded"), p, "XMinioAdminBucketQuotaExceeded", "lake"},
		{code(400, "KMS.DisabledException"), p, "KMS.DisabledException", "lake"},

		{code(503, "SlowDown"), th, "SlowDown", ""},
		{code(503, "SlowDownWrite"), th, "SlowDownWrite", ""},
		{code(400, "RequestLimitExceeded"), th, "RequestLimitExceeded", ""},
		{code(400, "Throttling"), th, "Throttling", ""},
		{code(429, "429 Too Many Requests"), th, "429", ""},

		{code(500, "InternalError"), r, "InternalError", ""},
		{code(200, "InternalError"), r, "InternalError", ""}, // Complete's body
		{code(503, "ServiceUnavailable"), r, "ServiceUnavailable", ""},
		{code(400, "RequestTimeout"), r, "RequestTimeout", ""},
		{code(409, "OperationAborted"), r, "OperationAborted", ""},
		{code(409, "ConditionalRequestConflict"), r, "ConditionalRequestConflict", ""},
		{code(404, "NoSuchKey"), r, "NoSuchKey", ""},
		{code(404, "NoSuchUpload"), r, "NoSuchUpload", ""},
		{code(400, "IncompleteBody"), r, "IncompleteBody", ""},
		{code(400, "InvalidPart"), r, "InvalidPart", ""},
		{code(400, "InvalidPartOrder"), r, "InvalidPartOrder", ""},
		{code(400, "BadDigest"), r, "BadDigest", "data directory"},
		{code(400, "InvalidDigest"), r, "InvalidDigest", "data directory"},
		{code(400, "XAmzContentSHA256Mismatch"), r, "XAmzContentSHA256Mismatch", "data directory"},
		{code(400, "MalformedXML"), r, "MalformedXML", ""},
		{code(400, "InvalidRequest"), r, "InvalidRequest", ""},
		{code(400, "InvalidArgument"), r, "InvalidArgument", ""},
		{code(411, "MissingContentLength"), r, "MissingContentLength", ""},
		{code(412, "PreconditionFailed"), r, "PreconditionFailed", ""},
		{code(418, "SomethingNew"), r, "SomethingNew", ""},

		{code(401, "401 Unauthorized"), p, "401", "access_key_id"},
		{code(403, "403 Forbidden"), p, "403", "s3:PutObject"},
		{code(301, "301 Moved Permanently"), p, "301", "region"},
		{code(413, "413 Request Entity Too Large"), p, "413", "buffering_hints.size"},
		{code(502, "502 Bad Gateway"), r, "502", ""},
		{code(504, ""), r, "504", ""},

		{context.Canceled, r, "canceled", ""},
		{fmt.Errorf("put: %w", context.DeadlineExceeded), r, "timeout", ""},
		{&url.Error{Op: "Put", URL: "http://minio", Err: &net.DNSError{Name: "minio", IsNotFound: true}}, r, "dns", "endpoint"},
		{&url.Error{Op: "Put", URL: "http://minio", Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}, r, "connection", ""},
		{&url.Error{Op: "Put", URL: "https://minio", Err: x509.UnknownAuthorityError{}}, p, "certificate", "tls.ca_file"},
		{&url.Error{Op: "Put", URL: "http://169.254.169.254", Err: outbound.ErrAddress}, p, "address", "endpoint"},
		{io.ErrUnexpectedEOF, r, "connection", ""},
		{errors.New("never seen"), r, "connection", ""},
		{errDamaged, r, "spool-damaged", "data directory"},
		{errConflict, p, "conflict", "move"},
	} {
		e := classify("put object", "lake", test.err)
		if e.Kind != test.kind || e.Reason != test.reason {
			t.Errorf("%v (%T) is %v %q, want %v %q", test.err, test.err, e.Kind, e.Reason, test.kind, test.reason)
		}
		if !strings.Contains(e.Hint, test.hint) || strings.Contains(e.Hint, "%") {
			t.Errorf("%v: hint %q, want %q", test.err, e.Hint, test.hint)
		}
	}
}

// TestEveryMeaningIsClassified keeps the table and the function together.
func TestEveryMeaningIsClassified(t *testing.T) {
	for code, m := range meanings {
		e := classify("put object", "lake", minio.ErrorResponse{Code: code, StatusCode: 400})
		if e.Kind != m.kind || e.Reason != code {
			t.Errorf("%s is %v %q, want %v", code, e.Kind, e.Reason, m.kind)
		}
	}
}
