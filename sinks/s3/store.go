package s3

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/sinks"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

// store is a bucket.
type store struct {
	client      *minio.Core
	credentials *credentials.Credentials
	ownKey      bool // credentials are configured and cannot be read again
	transport   *http.Transport
	bucket      string
	probePrefix string // the part of the prefix before expressions
	partSize    int64
	multipart   int64 // objects of this size and more are uploaded in parts
	warn        func(text string)

	conditional atomic.Int32 // what is known about conditional writes
}

// Whether the server honours If-None-Match. Not all do, and some ignore it.
const (
	unknown int32 = iota
	honoured
	ignored
)

func newStore(c *Config, warn func(string)) (*store, error) {
	client, creds, transport, err := c.Connection.client()
	if err != nil {
		return nil, err
	}
	if warn == nil {
		warn = func(string) {}
	}
	literal, _, _ := strings.Cut(c.Prefix, "!{")
	return &store{
		client:      client,
		credentials: creds,
		ownKey:      c.AccessKeyID != "",
		transport:   transport,
		bucket:      c.Bucket,
		probePrefix: literal,
		partSize:    int64(c.PartSize),
		multipart:   4 * int64(c.PartSize),
		warn:        warn,
	}, nil
}

// Names of the metadata that tell our objects apart.
const (
	metaID     = "Hydrant-Id"
	metaSHA256 = "Hydrant-Sha256"
)

// Put uploads the object unless there is one of that key. If there is, it is
// ours from an earlier attempt, or another one that stays untouched.
func (s *store) Put(ctx context.Context, o *object.Object) error {
	ctx, note := withNote(ctx)
	if err := s.learn(ctx); err != nil {
		return s.answer("probe bucket", err, note)
	}
	fault.Point("K8")
	err := s.put(ctx, o)
	if s.refused(err) {
		// Rotated credentials look like this. Read them again, once.
		s.credentials.Expire()
		err = s.put(ctx, o)
	}
	if err != nil {
		return s.answer("put object", err, note)
	}
	fault.Point("K8-after")
	return nil
}

func (s *store) refused(err error) bool {
	return err != nil && !s.ownKey && response(err).StatusCode == http.StatusForbidden
}

func (s *store) put(ctx context.Context, o *object.Object) error {
	err := s.create(ctx, o, o.Key)
	if !errors.Is(err, errConflict) {
		return err
	}
	s.warn(fmt.Sprintf("object %s exists in bucket %s with other content; it stays as it is and ours becomes %s",
		o.Key, s.bucket, o.ConflictKey()))
	return s.create(ctx, o, o.ConflictKey())
}

// errConflict says that another object has the key.
var errConflict = errors.New("object exists with other content")

// create uploads under a key that must be free, or hold the same object.
func (s *store) create(ctx context.Context, o *object.Object, key string) error {
	if s.conditional.Load() == ignored {
		if err := s.compare(ctx, o, key); !missing(err) {
			return err
		}
	}
	var err error
	if o.Size >= s.multipart {
		err = s.upload(ctx, o, key)
	} else {
		err = s.single(ctx, o, key)
	}
	if taken(err) {
		return s.compare(ctx, o, key)
	}
	return err
}

func (s *store) single(ctx context.Context, o *object.Object, key string) error {
	ctx, cancel := context.WithTimeout(ctx, patience(o.Size))
	defer cancel()
	opts := s.options(o)
	sum, err := hex.DecodeString(o.SHA256)
	if err != nil {
		return fmt.Errorf("read checksum: %w", err)
	}
	// The server compares the body with both, and keeps the second.
	opts.UserMetadata["X-Amz-Checksum-Sha256"] = base64.StdEncoding.EncodeToString(sum)
	_, err = s.client.PutObject(ctx, s.bucket, key, io.NewSectionReader(o.Body, 0, o.Size), o.Size, "", o.SHA256, opts)
	return err
}

func (s *store) options(o *object.Object) minio.PutObjectOptions {
	opts := minio.PutObjectOptions{
		ContentType:     o.ContentType,
		ContentEncoding: o.ContentEncoding,
		UserMetadata:    map[string]string{metaID: o.ID, metaSHA256: o.SHA256},
		// The hash is known and signed. Without this, minio-go hashes the body
		// again in small signed chunks.
		DisableContentSha256: true,
	}
	s.createOnly(&opts)
	return opts
}

func (s *store) createOnly(opts *minio.PutObjectOptions) {
	if s.conditional.Load() == honoured && !fault.Bug("overwrite-object") {
		opts.SetMatchETagExcept("*")
	}
}

// patience bounds a request: a minute, and what 32 KiB/s take.
func patience(size int64) time.Duration {
	return time.Minute + time.Duration(size/(32<<10))*time.Second
}

// compare returns nil if the key holds this object already: the same bytes, or
// the same records, compressed by another version perhaps.
func (s *store) compare(ctx context.Context, o *object.Object, key string) error {
	ctx, cancel := context.WithTimeout(ctx, patience(0))
	defer cancel()
	info, err := s.client.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{Checksum: true})
	if err != nil {
		return err
	}
	sum, err := hex.DecodeString(o.SHA256)
	if err != nil {
		return fmt.Errorf("read checksum: %w", err)
	}
	sameRecords := info.UserMetadata[metaID] == o.ID
	sameBytes := info.Size == o.Size && (info.UserMetadata[metaSHA256] == o.SHA256 ||
		info.ChecksumSHA256 == base64.StdEncoding.EncodeToString(sum))
	if sameRecords || sameBytes {
		return nil
	}
	return errConflict
}

// taken reports whether the key exists. Some servers answer 304.
func taken(err error) bool {
	status := response(err).StatusCode
	return status == http.StatusPreconditionFailed || status == http.StatusNotModified
}

func missing(err error) bool {
	r := response(err)
	return r.StatusCode == http.StatusNotFound && r.Code == minio.NoSuchKey
}

// learn finds out, once, whether the server honours conditional writes: it
// creates a small object twice. Two Puts may do so at the same time.
func (s *store) learn(ctx context.Context) error {
	if s.conditional.Load() != unknown {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience(0))
	defer cancel()
	key := s.probePrefix + ".hydrant-probe-" + strings.ToLower(rand.Text())
	err := s.probe(ctx, key)
	if s.refused(err) {
		s.credentials.Expire()
		err = s.probe(ctx, key)
	}
	if err == nil {
		err = s.probe(ctx, key)
		// A user who may write need not be allowed to delete: it is a few bytes.
		_ = s.client.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{})
	}
	switch {
	case taken(err):
		s.conditional.Store(honoured)
	case err == nil || response(err).StatusCode == http.StatusNotImplemented:
		if s.conditional.CompareAndSwap(unknown, ignored) {
			s.warn(fmt.Sprintf("the storage of bucket %s does not honour If-None-Match; each object is looked for before it is written", s.bucket))
		}
	default:
		return err
	}
	return nil
}

func (s *store) probe(ctx context.Context, key string) error {
	opts := minio.PutObjectOptions{DisableContentSha256: true}
	opts.SetMatchETagExcept("*")
	const body = "hydrant asks whether conditional writes work\n"
	sum := sha256.Sum256([]byte(body))
	_, err := s.client.PutObject(ctx, s.bucket, key, strings.NewReader(body), int64(len(body)), "", hex.EncodeToString(sum[:]), opts)
	return err
}

// Probe tries the credentials and the bucket.
func (s *store) Probe(ctx context.Context) (string, error) {
	ctx, note := withNote(ctx)
	if err := s.learn(ctx); err != nil {
		return "", s.answer("probe bucket", err, note)
	}
	line := fmt.Sprintf("bucket %s at %s, writable", s.bucket, s.client.EndpointURL().Host)
	if s.conditional.Load() == ignored {
		return line + "; it does not honour If-None-Match, so each object is looked for before it is written", nil
	}
	return line + ", create-only writes", nil
}

// Close gives up the connections.
func (s *store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

func (s *store) answer(op string, err error, n *note) error {
	e := classify(op, s.bucket, err)
	e.RetryAfter = n.retryAfter
	if e.RetryAfter > 0 && e.Kind == sinks.Retryable {
		e.Kind = sinks.Throttled
	}
	if e.Kind == sinks.Permanent && e.Reason == "AccessDenied" && !s.ownKey {
		if v, err := s.credentials.GetWithContext(nil); err != nil || v.AccessKeyID == "" {
			e.Hint = "no credentials were found: set access_key_id and secret_access_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
		}
	}
	return e
}
