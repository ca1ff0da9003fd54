package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/hydrant-dev/hydrant/buffer/fault"
	"github.com/hydrant-dev/hydrant/sinks/object"
)

const mostParts = 10_000

// upload sends an object in parts, one after the other: parallelism is the
// number of feeds. An upload that a crash or an error left behind is aborted
// and begun anew.
func (s *store) upload(ctx context.Context, o *object.Object, key string) error {
	s.abortOrphans(ctx, key)
	opts := s.options(o)
	start := minio.PutObjectOptions{
		ContentType: opts.ContentType, ContentEncoding: opts.ContentEncoding, UserMetadata: opts.UserMetadata,
	}
	short, cancel := context.WithTimeout(ctx, patience(0))
	id, err := s.client.NewMultipartUpload(short, s.bucket, key, start)
	cancel()
	if err != nil {
		return err
	}
	parts, err := s.parts(ctx, o, key, id)
	if err == nil {
		if err = s.complete(ctx, key, id, parts); response(err).StatusCode == 0 {
			return err // done, or no answer: the storage may still be at it
		}
	}
	if ctx.Err() == nil {
		// A failure to abort is repaired by the next attempt, or the bucket's
		// lifecycle rule.
		_ = s.abort(ctx, key, id)
	}
	return err
}

// parts uploads the parts and checks that together they are the object.
func (s *store) parts(ctx context.Context, o *object.Object, key, id string) ([]minio.CompletePart, error) {
	size := max(s.partSize, (o.Size+mostParts-1)/mostParts)
	whole := sha256.New()
	var parts []minio.CompletePart
	for offset := int64(0); offset < o.Size; offset += size {
		fault.Point("K8-part")
		body := io.NewSectionReader(o.Body, offset, min(size, o.Size-offset))
		part, err := s.part(ctx, key, id, len(parts)+1, body, whole)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if hex.EncodeToString(whole.Sum(nil)) != o.SHA256 {
		return nil, errDamaged
	}
	return parts, nil
}

// complete makes the object appear, unless there is one of that key.
func (s *store) complete(ctx context.Context, key, id string, parts []minio.CompletePart) error {
	fault.Point("K8-complete")
	// Putting large objects together takes some storage minutes.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	var opts minio.PutObjectOptions
	s.createOnly(&opts)
	_, err := s.client.CompleteMultipartUpload(ctx, s.bucket, key, id, parts, opts)
	if fault.Bug("ignore-complete-error") && response(err).StatusCode == http.StatusOK {
		return nil
	}
	return err
}

// errDamaged says that the spool does not hold what was written to it.
var errDamaged = errors.New("the spool file does not match its checksum")

// part hashes the part first, so that the server can refuse a damaged one.
func (s *store) part(ctx context.Context, key, id string, number int, body *io.SectionReader, whole hash.Hash) (minio.CompletePart, error) {
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, whole), body); err != nil {
		return minio.CompletePart{}, err
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return minio.CompletePart{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience(body.Size()))
	defer cancel()
	p, err := s.client.PutObjectPart(ctx, s.bucket, key, id, number, body, body.Size(), minio.PutObjectPartOptions{
		Sha256Hex:            hex.EncodeToString(sum.Sum(nil)),
		DisableContentSha256: true,
	})
	return minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag}, err
}

func (s *store) abort(ctx context.Context, key, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return s.client.AbortMultipartUpload(ctx, s.bucket, key, id)
}

// abortOrphans removes unfinished uploads of this key, which only we can have
// begun. It is housekeeping: not being allowed to list is no reason to stop.
func (s *store) abortOrphans(ctx context.Context, key string) {
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list, err := s.client.ListMultipartUploads(short, s.bucket, key, "", "", "", 100)
	if err != nil {
		return
	}
	for _, u := range list.Uploads {
		if u.Key == key {
			_ = s.abort(ctx, key, u.UploadID)
		}
	}
}
