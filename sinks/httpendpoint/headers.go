package httpendpoint

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/internal/version"
)

// header returns what all requests of a stream have in common. It is made for
// each of them: secrets that stand in files may have changed.
func (c *Config) header(arn string) http.Header {
	h := http.Header{}
	h.Set("User-Agent", "hydrant/"+version.Read().Version)
	h.Set("Content-Type", c.Format.contentType())
	if c.ContentType != "" {
		h.Set("Content-Type", c.ContentType)
	}
	if c.RequestConfiguration.ContentEncoding == gzipped {
		h.Set("Content-Encoding", "gzip")
	}
	if c.Format == Firehose {
		h.Set(protocolHeader, "1.0")
		if arn != "" {
			h.Set(sourceHeader, arn)
		}
		if !c.AccessKey.Empty() {
			h.Set(accessKeyHeader, c.AccessKey.Reveal())
		}
		if a := c.RequestConfiguration.CommonAttributes; len(a) > 0 {
			h.Set(attributesHeader, attributes(a))
		}
	}
	switch {
	case !c.BearerToken.Empty():
		h.Set("Authorization", "Bearer "+c.BearerToken.Reveal())
	case c.Username != "":
		h.Set("Authorization", "Basic "+c.basic())
	}
	for name, value := range c.Headers {
		h.Set(name, value)
	}
	for name, value := range c.SecretHeaders {
		h.Set(name, value.Reveal())
	}
	return h
}

func (c *Config) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password.Reveal()))
}

// attributes writes the common attributes in ASCII, which is all that a header
// carries safely.
func attributes(a map[string]string) string {
	text, err := json.Marshal(map[string]map[string]string{"commonAttributes": a})
	if err != nil {
		panic("httpendpoint: write a map of texts: " + err.Error())
	}
	var ascii strings.Builder
	for _, r := range string(text) {
		switch {
		case r < 0x7f:
			ascii.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&ascii, `\u%04x`, r)
		}
	}
	return ascii.String()
}

// shortestToken is from how many bytes on a value in the query of the URL may be
// a token: shorter ones are words that stand in many answers.
const shortestToken = 8

// secrets lists what an endpoint may repeat in its answer and nobody else may
// read, a text before those that are in it.
func (c *Config) secrets() []string {
	list := []string{c.AccessKey.Reveal(), c.BearerToken.Reveal(), c.Password.Reveal()}
	for _, s := range c.SecretHeaders {
		list = append(list, s.Reveal())
	}
	if c.Username != "" {
		list = append(list, c.basic())
	}
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" })
	if u, err := url.Parse(c.URL); err == nil {
		for _, values := range u.Query() {
			for _, v := range values {
				if len(v) >= shortestToken {
					list = append(list, v, url.QueryEscape(v))
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return list
}

// reserved are headers that something else decides, and what it is.
var reserved = map[string]string{
	"Host":              "it is that of the url",
	"Content-Length":    "it is counted",
	"Transfer-Encoding": "it is chosen for each request",
	"Connection":        "it is chosen for each request",
	"Content-Type":      "write content_type",
	"Content-Encoding":  "write request_configuration.content_encoding",
	"Idempotency-Key":   "it comes from the records",
}

// checkHeader returns what is wrong with a header, or nil. Values are not
// repeated.
func checkHeader(path, name, value string) error {
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	switch hint, taken := reserved[canonical]; {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }):
		return field.Errorf(path, "letters, digits and hyphens", "%q is not the name of a header", name)
	case taken:
		return field.Errorf(path+"."+name, hint, "cannot be chosen")
	case strings.HasPrefix(canonical, "X-Amz-Firehose-"):
		return field.Errorf(path+"."+name, "it belongs to the contract", "cannot be chosen")
	}
	return checkValue(path+"."+name, value)
}

// checkValue returns what is wrong with the value of a header, or nil.
func checkValue(path, value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return field.Errorf(path, "is there a line feed at its end?", "has a control character")
	}
	return nil
}

func isToken(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
