package outbound

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// Dialer makes connections by the usual rules for addresses.
func Dialer() *net.Dialer { return Addresses{}.Dialer() }

// Transport returns one of its own for each destination, with the usual rules
// for addresses.
func Transport(config *tls.Config) *http.Transport { return Addresses{}.Transport(config) }

// Client follows no redirect: credentials are for one host. Its timeout is the
// caller's context.
func Client(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ErrLongAnswer says that an answer is longer than any that is expected.
var ErrLongAnswer = errors.New("the answer is longer than any we expect")

// ReadAnswer reads the body of an answer, at most limit bytes, and closes it.
func ReadAnswer(body io.ReadCloser, limit int64) ([]byte, error) {
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = ErrLongAnswer
	}
	return text, err
}

// RetryAfter reads the seconds form; a date would need a clock we trust.
func RetryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// CheckURL returns a *field.Error for what is no base URL of a server.
// Credentials in it would end in logs.
func CheckURL(path, text string) (*url.URL, error) {
	u, err := CheckEndpoint(path, text)
	if err == nil && u.RawQuery != "" {
		return nil, field.Errorf(path, urlHint, "%q has a query", u.Host)
	}
	return u, err
}

// CheckEndpoint is CheckURL for a URL that is called as it is: it may have a
// query. That may hold a token and is not repeated in an error.
func CheckEndpoint(path, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, field.Errorf(path, urlHint, "is missing")
	case err != nil: // the text may hold a password and is not repeated
		return nil, field.Errorf(path, urlHint, "is not a URL")
	case u.User != nil:
		return nil, field.Errorf(path, "use the fields for credentials", "must not hold a user or a password")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		text, _, _ = strings.Cut(text, "?")
		return nil, field.Errorf(path, urlHint, "%q is not an http or https URL", text)
	case u.Fragment != "":
		return nil, field.Errorf(path, urlHint, "has a fragment")
	}
	return u, nil
}

const urlHint = "write a URL like https://host:port"
