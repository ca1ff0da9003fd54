package servers

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/minio/minio-go/v7"
	"github.com/parquet-go/parquet-go"
)

// copyStatement is a COPY with a manifest.
//
// Source: docs.aws.amazon.com/redshift/latest/dg/r_COPY.html.
var copyStatement = regexp.MustCompile(`(?is)^COPY\s+([^( ]+)\s*(\(.*?\))?\s*FROM\s+'s3://([^/']+)/([^']+)'\s(.*)\bMANIFEST\s*$`)

// s3Copy is a COPY statement in parts.
type s3Copy struct {
	table, columns string
	bucket, key    string // of the manifest
	options        string
}

func newS3Copy(m []string) s3Copy { return s3Copy{m[1], strings.Trim(m[2], "()"), m[3], m[4], m[5]} }

func (s s3Copy) has(word string) bool {
	return regexp.MustCompile(`(?i)(^|\s)` + word + `(\s|$)`).MatchString(s.options)
}

var (
	copyRole     = regexp.MustCompile(`(?i)\bIAM_ROLE\s+'([^']*)'`)
	copyMaxError = regexp.MustCompile(`(?i)\bMAXERROR\s+(?:AS\s+)?([0-9]+)`)
)

// redshiftError is an error as Redshift words it.
type redshiftError struct {
	code            string // "" for XX000
	message, detail string
	column          string
}

func (e *redshiftError) Error() string { return e.message + ": " + e.detail }

// raise is a statement that fails like that.
func raise(err error) string {
	var e *redshiftError
	if !errors.As(err, &e) {
		e = &redshiftError{message: err.Error()}
	}
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return "DO $$BEGIN RAISE EXCEPTION USING ERRCODE = " + quote(cmp.Or(e.code, "XX000")) + ", MESSAGE = " + quote(e.message) + ", DETAIL = " + quote(e.detail) + "; END$$"
}

// copy loads the objects of a manifest within the client's transaction.
func (c *redshiftSession) copy(s s3Copy) error {
	if c.status != 'T' {
		return &redshiftError{message: "this server knows COPY in transactions only"}
	}
	role := copyRole.FindStringSubmatch(s.options)
	if role == nil {
		return &redshiftError{message: "must specify credentials"}
	}
	if role[1] != c.server.Role {
		return &redshiftError{message: "User arn:aws:redshift:us-east-1:000000000000:dbuser:test/postgres is not authorized to assume IAM Role " + role[1]}
	}
	if err := c.try(s.insertSQL("[]")); err != nil { // the table, its columns, and rights
		return err
	}
	text, err := c.server.read(s.bucket, s.key)
	if err != nil {
		return err
	}
	var manifest struct {
		Entries []struct {
			URL       string
			Mandatory bool
			Meta      struct {
				ContentLength *int `json:"content_length"`
			}
		}
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&manifest); err != nil || len(manifest.Entries) == 0 {
		return &redshiftError{message: "Invalid manifest file", detail: fmt.Sprint(err)}
	}
	loaded := 0
	for _, e := range manifest.Entries {
		bucket, key, ok := strings.Cut(strings.TrimPrefix(e.URL, "s3://"), "/")
		if !ok || !e.Mandatory || e.Meta.ContentLength == nil {
			return &redshiftError{message: "Invalid manifest file", detail: e.URL}
		}
		body, err := c.server.read(bucket, key)
		if err != nil {
			return err
		}
		if len(body) != *e.Meta.ContentLength {
			return &redshiftError{message: "Manifest file has another content_length than the object", detail: e.URL}
		}
		rows, err := s.rows(body)
		if err != nil {
			return err
		}
		n, err := c.insert(s, e.URL, rows)
		if err != nil {
			return err
		}
		loaded += n
	}
	return c.run(fmt.Sprintf("SET redshift.copied = %d", loaded))
}

// read gets an object, or fails as Redshift does.
func (s *RedshiftServer) read(bucket, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	o, err := s.objects.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer o.Close()
	text, err := io.ReadAll(o)
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		return nil, &redshiftError{message: fmt.Sprintf("S3ServiceException:%s,Status %d,Error %s", answer.Message, answer.StatusCode, answer.Code),
			detail: "\n  error: S3ServiceException\n  code: 8001\n  context: S3 key being read : s3://" + bucket + "/" + key}
	}
	return text, err
}

// rows returns the rows of an object, as JSON.
func (s s3Copy) rows(body []byte) ([]string, error) {
	var err error
	switch {
	case s.has("PARQUET"):
		return parquetRows(body)
	case s.has("GZIP"):
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(r)
		}
	case s.has("ZSTD"):
		var d *zstd.Decoder
		if d, err = zstd.NewReader(nil); err == nil {
			body, err = d.DecodeAll(body, nil)
			d.Close()
		}
	}
	if err != nil {
		return nil, &redshiftError{message: "The compression of the object is another: " + err.Error()}
	}
	if !s.has("JSON") {
		return nil, &redshiftError{message: "this server knows JSON and PARQUET only"}
	}
	return strings.Split(strings.TrimSuffix(string(body), "\n"), "\n"), nil
}

func parquetRows(body []byte) ([]string, error) {
	f, err := parquet.OpenFile(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return nil, &redshiftError{message: "Spectrum Scan Error", detail: err.Error()}
	}
	r := parquet.NewGenericReader[map[string]any](f, f.Schema())
	defer r.Close()
	all := make([]map[string]any, r.NumRows())
	for i := range all {
		all[i] = map[string]any{}
	}
	if n, err := r.Read(all); n < len(all) {
		return nil, &redshiftError{message: "Spectrum Scan Error", detail: fmt.Sprint(err)}
	}
	rows := make([]string, len(all))
	for i := range all {
		text, err := json.Marshal(all[i])
		if err != nil {
			return nil, err
		}
		rows[i] = string(text)
	}
	return rows, nil
}

// insert loads rows: all at once, or one by one to find those that are bad.
func (c *redshiftSession) insert(s s3Copy, url string, rows []string) (loaded int, err error) {
	if err := c.try(s.insertSQL("[" + strings.Join(rows, ",") + "]")); err == nil {
		return len(rows), nil
	}
	allowed := 0
	if m := copyMaxError.FindStringSubmatch(s.options); m != nil {
		allowed, _ = strconv.Atoi(m[1])
	}
	bad := 0
	for i, row := range rows {
		err := c.try(s.insertSQL("[" + row + "]"))
		var e *redshiftError
		switch {
		case err == nil:
			loaded++
			continue
		case !errors.As(err, &e):
			return 0, err
		}
		bad++
		c.note(url, i+1, e)
		if bad > allowed {
			return 0, &redshiftError{message: "Load into table '" + strings.ReplaceAll(s.table, `"`, "") + "' failed.  Check 'sys_load_error_detail' system table for details."}
		}
	}
	return loaded, nil
}

// insertSQL loads an array of objects, as JSON 'auto' does: keys are columns.
func (s s3Copy) insertSQL(array string) string {
	columns, list := s.columns, s.columns
	if columns != "" {
		columns = "(" + columns + ")"
	} else {
		list = "*"
	}
	return "INSERT INTO " + s.table + columns + " SELECT " + list + " FROM json_populate_recordset(NULL::" + s.table + ", '" + strings.ReplaceAll(array, "'", "''") + "')"
}

// try runs a statement, and leaves the transaction as it was if that fails.
func (c *redshiftSession) try(sql string) error {
	if err := c.run("SAVEPOINT copy"); err != nil {
		return err
	}
	err := c.run(sql)
	end := "RELEASE SAVEPOINT copy"
	if err != nil {
		end = "ROLLBACK TO SAVEPOINT copy"
	}
	if lost := c.run(end); lost != nil {
		return lost
	}
	return err
}

// note writes down a bad row, whatever becomes of the client's transaction.
func (c *redshiftSession) note(url string, line int, e *redshiftError) {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	if err := c.server.Postgres.Run(c.database, fmt.Sprintf("INSERT INTO sys_load_error_detail (file_name, line_number, column_name, error_message) VALUES (%s, %d, %s, %s)",
		quote(url), line, quote(e.column), quote(e.message))); err != nil {
		c.server.t.Errorf("note a bad row: %v", err)
	}
}
