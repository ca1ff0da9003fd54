package httpendpoint

import (
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/sinks/outbound"
)

// Validate reports everything that is wrong, each as a *field.Error.
func (c *Config) Validate() error {
	_, badURL := outbound.CheckEndpoint("url", c.URL)
	problems := []error{
		badURL,
		c.validateFormat(),
		c.validateHeaders(),
		c.validateRequests(),
		c.validateCodes(),
		field.Under("tls", c.TLS.Validate()),
		field.Under("s3_backup", c.S3Backup.Validate(c.S3BackupMode)),
	}
	add := func(path, hint, format string, args ...any) {
		problems = append(problems, field.Errorf(path, hint, format, args...))
	}
	if c.BufferingHints.Size <= 0 || c.BufferingHints.Size > 128<<20 {
		add("buffering_hints.size", "between 1KiB and 128MiB; Firehose's is 5MiB", "%v is out of range", c.BufferingHints.Size)
	}
	if c.BufferingHints.Interval <= 0 || c.BufferingHints.Interval.Std() > 24*time.Hour {
		add("buffering_hints.interval", "more than 0s and at most 24h", "%v is out of range", c.BufferingHints.Interval)
	}
	if t := c.RequestTimeout.Std(); t < time.Second || t > time.Hour {
		add("request_timeout", "between 1s and 1h; Firehose's is 3m", "%v is out of range", c.RequestTimeout)
	}
	return errors.Join(problems...)
}

// validateFormat refuses what belongs to the other formats.
func (c *Config) validateFormat() error {
	var problems []error
	refuse := func(given bool, path, hint string) {
		if given {
			problems = append(problems, field.Errorf(path, hint, "has no meaning with format %s", c.Format))
		}
	}
	if c.Format == Firehose {
		refuse(c.Method != http.MethodPost, "method", "Firehose's requests are POST; or set format")
		refuse(c.ContentType != "", "content_type", "Firehose's requests are application/json; or set format")
		refuse(!slices.Equal(c.StatusCodes.Success, Default().(*Config).StatusCodes.Success), "status_codes.success",
			"Firehose's endpoints answer 200; or set format")
	} else {
		refuse(!c.AccessKey.Empty(), "access_key", "write bearer_token, or secret_headers: {X-Api-Key: ...}")
		refuse(len(c.RequestConfiguration.CommonAttributes) > 0, "request_configuration.common_attributes", "write headers")
	}
	return errors.Join(problems...)
}

func (c *Config) validateHeaders() error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		problems = append(problems, c.checkHeader("headers", name, c.Headers[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(c.SecretHeaders)) {
		problems = append(problems, c.checkHeader("secret_headers", name, c.SecretHeaders[name].Reveal()))
	}
	problems = append(problems, checkValue("access_key", c.AccessKey.Reveal()), checkValue("bearer_token", c.BearerToken.Reveal()))
	add := func(path, hint, text string) { problems = append(problems, field.Errorf(path, hint, "%s", text)) }
	if c.ContentType != "" {
		if media, _, err := mime.ParseMediaType(c.ContentType); err != nil || !strings.Contains(media, "/") {
			add("content_type", "write something like application/json", fmt.Sprintf("%q is not a media type", c.ContentType))
		}
	}
	if len(c.AccessKey.Reveal()) > 4096 {
		add("access_key", "at most 4096 characters", "is too long")
	}
	switch {
	case !c.BearerToken.Empty() && c.Username != "":
		add("username", "remove it, or bearer_token", "cannot be given together with bearer_token")
	case c.Username == "" && !c.Password.Empty():
		add("username", "give both, or none", "is missing although there is password")
	case c.Username != "" && c.Password.Empty():
		add("password", "give both, or none", "is missing although there is username")
	}
	return errors.Join(problems...)
}

// checkHeader also refuses a second Authorization.
func (c *Config) checkHeader(path, name, value string) error {
	if http.CanonicalHeaderKey(name) == "Authorization" && (c.Username != "" || !c.BearerToken.Empty()) {
		return field.Errorf(path+"."+name, "remove it, or bearer_token and username", "is given already")
	}
	return checkHeader(path, name, value)
}

func (c *Config) validateRequests() error {
	r := c.RequestConfiguration
	var problems []error
	add := func(path, hint, format string, args ...any) {
		problems = append(problems, field.Errorf("request_configuration."+path, hint, format, args...))
	}
	if r.MaxRecords < 1 || r.MaxRecords > mostRecords {
		add("max_records", "between 1 and 10000", "%d is out of range", r.MaxRecords)
	}
	if r.MaxSize < smallestBody || r.MaxSize > largestBody {
		add("max_size", "between 1KiB and 64MiB", "%v is out of range", r.MaxSize)
	}
	if len(r.CommonAttributes) > 50 {
		add("common_attributes", "Firehose sends at most 50", "has %d attributes", len(r.CommonAttributes))
	}
	for _, name := range slices.Sorted(maps.Keys(r.CommonAttributes)) {
		if name == "" || len(name) > 256 || len(r.CommonAttributes[name]) > 1024 {
			add("common_attributes", "names have 1 to 256 characters, values at most 1024", "%.40q is too long, or has no name", name)
		}
	}
	return errors.Join(problems...)
}

// validateCodes refuses a status that would mean two things.
func (c *Config) validateCodes() error {
	s := c.StatusCodes
	var problems []error
	if len(s.Success) == 0 {
		problems = append(problems, field.Errorf("status_codes.success", "2xx is the default", "is empty: nothing would ever be delivered"))
	}
	for _, a := range s.Retry {
		for _, b := range s.Reject {
			if a.from <= b.to && b.from <= a.to {
				problems = append(problems, field.Errorf("status_codes.retry", "take it from one of them", "%v is in reject, too", a))
			}
		}
	}
	return errors.Join(problems...)
}
