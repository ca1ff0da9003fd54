package s3

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// meaning is what an error code of S3 says to us.
//
// Source: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
type meaning struct {
	kind sinks.Kind
	hint string // %s is the bucket
}

const (
	hintBucket = "create the bucket %s or correct destination.s3.bucket"
	hintKey    = "correct access_key_id and secret_access_key"
	hintRights = "allow the key to write to the bucket %s (s3:PutObject, s3:GetObject, s3:AbortMultipartUpload)"
	hintRegion = "correct destination.s3.region or endpoint: the bucket %s is somewhere else; redirects are not followed"
	hintClock  = "set the clock of this machine: it differs too much from the storage's"
	hintToken  = "renew session_token, or let hydrant read credentials that renew themselves"
)

// meanings of error codes. All others are Retryable: nothing is given up
// because an answer was not understood.
var meanings = map[string]meaning{
	"NoSuchBucket":                       {sinks.Permanent, hintBucket},
	"InvalidBucketName":                  {sinks.Permanent, hintBucket},
	"AccessDenied":                       {sinks.Permanent, hintRights},
	"AllAccessDisabled":                  {sinks.Permanent, hintRights},
	"AccountProblem":                     {sinks.Permanent, "the account of the key has a problem; ask the storage's operator"},
	"MethodNotAllowed":                   {sinks.Permanent, "check that destination.s3.endpoint is S3-compatible storage"},
	"InvalidAccessKeyId":                 {sinks.Permanent, hintKey},
	"SignatureDoesNotMatch":              {sinks.Permanent, hintKey},
	"InvalidSecurity":                    {sinks.Permanent, hintKey},
	"NotSignedUp":                        {sinks.Permanent, hintKey},
	"CredentialsNotSupported":            {sinks.Permanent, hintKey},
	"ExpiredToken":                       {sinks.Permanent, hintToken},
	"ExpiredTokenException":              {sinks.Permanent, hintToken},
	"InvalidToken":                       {sinks.Permanent, hintToken},
	"TokenRefreshRequired":               {sinks.Permanent, hintToken},
	"RequestTimeTooSkewed":               {sinks.Permanent, hintClock},
	"RequestExpired":                     {sinks.Permanent, hintClock},
	"PermanentRedirect":                  {sinks.Permanent, hintRegion},
	"Redirect":                           {sinks.Permanent, hintRegion},
	"TemporaryRedirect":                  {sinks.Retryable, ""}, // new buckets, for some hours
	"AuthorizationHeaderMalformed":       {sinks.Permanent, hintRegion},
	"IllegalLocationConstraintException": {sinks.Permanent, hintRegion},
	"InvalidRegion":                      {sinks.Permanent, hintRegion},
	"EntityTooLarge":                     {sinks.Permanent, "make destination.s3.buffering_hints.size smaller, or part_size"},
	"EntityTooSmall":                     {sinks.Permanent, "make destination.s3.part_size larger: the storage refuses parts this small"},
	"KeyTooLongError":                    {sinks.Permanent, "make destination.s3.prefix shorter"},
	"XMinioInvalidObjectName":            {sinks.Permanent, "choose another destination.s3.prefix: the storage refuses the key"},
	"InvalidURI":                         {sinks.Permanent, "choose another destination.s3.prefix: the storage refuses the key"},
	"NotImplemented":                     {sinks.Permanent, "the storage lacks something hydrant needs; see its message"},
	"InvalidStorageClass":                {sinks.Permanent, ""},
	"InvalidObjectState":                 {sinks.Permanent, ""},
	"QuotaExceeded":                      {sinks.Permanent, "raise the quota of the bucket %s or delete objects"},
	"XMinioAdminBucketQuotaExceeded":     {sinks.Permanent, "raise the quota of the bucket %s or delete objects"},
	"XMinioStorageFull":                  {sinks.Permanent, "free space on the storage"},
	"KMS.DisabledException":              {sinks.Permanent, "enable the key that encrypts the bucket %s"},
	"KMS.NotFoundException":              {sinks.Permanent, "restore the key that encrypts the bucket %s"},

	"SlowDown":             {sinks.Throttled, ""},
	"SlowDownWrite":        {sinks.Throttled, ""},
	"SlowDownRead":         {sinks.Throttled, ""},
	"TooManyRequests":      {sinks.Throttled, ""},
	"Throttling":           {sinks.Throttled, ""},
	"ThrottlingException":  {sinks.Throttled, ""},
	"RequestLimitExceeded": {sinks.Throttled, ""},
	"RequestThrottled":     {sinks.Throttled, ""},

	"BadDigest":                   {sinks.Retryable, hintDamaged},
	"InvalidDigest":               {sinks.Retryable, hintDamaged},
	"XAmzContentSHA256Mismatch":   {sinks.Retryable, hintDamaged},
	"XAmzContentChecksumMismatch": {sinks.Retryable, hintDamaged},
}

const hintDamaged = "if it stays, check the disk of the data directory: the object does not match its checksum"

// classify says what went wrong, for the delivery and for people. It is the
// only place that reads the storage's error codes.
func classify(op, bucket string, err error) *sinks.Error {
	e := &sinks.Error{Op: op, Err: err}
	if r := response(err); r.StatusCode != 0 || meanings[r.Code] != (meaning{}) {
		e.Reason = r.Code
		m, known := meanings[r.Code]
		if !known {
			m = byStatus(r.StatusCode)
			if e.Reason == "" || e.Reason[0] >= '0' && e.Reason[0] <= '9' {
				e.Reason = strconv.Itoa(r.StatusCode)
			}
		}
		e.Kind = m.kind
		e.Hint = strings.ReplaceAll(m.hint, "%s", bucket)
		return e
	}
	e.Kind, e.Reason, e.Hint = transportError(err)
	return e
}

// byStatus is for answers without a code we know: proxies, other storage.
func byStatus(status int) meaning {
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return meaning{sinks.Permanent, hintKey}
	case http.StatusForbidden:
		return meaning{sinks.Permanent, hintRights}
	case http.StatusMovedPermanently, http.StatusFound, http.StatusPermanentRedirect:
		return meaning{sinks.Permanent, hintRegion}
	case http.StatusRequestEntityTooLarge:
		return meanings["EntityTooLarge"]
	case http.StatusInsufficientStorage:
		return meanings["XMinioStorageFull"]
	case http.StatusNotImplemented:
		return meanings["NotImplemented"]
	case http.StatusTooManyRequests:
		return meaning{kind: sinks.Throttled}
	}
	return meaning{}
}

// transportError is for requests that got no answer. Whether they had an
// effect is not known; the next attempt finds out.
func transportError(err error) (kind sinks.Kind, reason, hint string) {
	switch {
	case errors.Is(err, errConflict):
		return sinks.Permanent, "conflict", "move the objects that are in the way to another place"
	case errors.Is(err, errDamaged):
		return sinks.Retryable, "spool-damaged", hintDamaged
	}
	t := outbound.TroubleOf(err)
	if t.Permanent() {
		kind = sinks.Permanent
	}
	return kind, t.String(), hintOf(t)
}

func hintOf(t outbound.Trouble) string {
	switch t {
	case outbound.Forbidden:
		return "correct destination.s3.endpoint"
	case outbound.Untrusted:
		return "set tls.ca_file to the certificate of the storage's authority, or correct the endpoint"
	case outbound.Rejected:
		return "set tls.cert_file and tls.key_file to a certificate that the storage trusts"
	case outbound.Handshake:
		return "check whether destination.s3.endpoint begins with https or http"
	case outbound.NotFound:
		return "check the host in destination.s3.endpoint"
	case outbound.Canceled, outbound.DialTimeout, outbound.Timeout:
		return ""
	}
	return "check that the storage is running and that destination.s3.endpoint is right"
}

// response returns the storage's answer in an error, or the zero value if
// there was none.
func response(err error) minio.ErrorResponse {
	var r minio.ErrorResponse
	errors.As(err, &r)
	return r
}
