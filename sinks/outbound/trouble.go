package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
)

// Trouble is why a request has no answer. Whether it had an effect is not known,
// unless there was no connection.
type Trouble int

const (
	Unknown     Trouble = iota
	Forbidden           // our rules do not allow the address
	Untrusted           // the server's certificate
	Rejected            // our certificate, by the server
	Handshake           // no TLS, or another one
	Canceled            // by ourselves
	NotFound            // no address has that name
	Unreached           // nobody listens there
	DialTimeout         // nobody answered in time when we knocked
	Timeout             // an answer did not come in time
	Cut                 // the connection broke
)

// String is a short word for metrics and logs.
func (t Trouble) String() string {
	return [...]string{"connection", "address", "certificate", "certificate", "handshake", "canceled", "dns", "connection", "timeout", "timeout", "connection"}[t]
}

// Permanent reports whether it stays until a person has mended something.
func (t Trouble) Permanent() bool { return t == Forbidden || t == Untrusted || t == Rejected }

// TroubleOf tells from the error of a request what went wrong.
func TroubleOf(err error) Trouble {
	var (
		op          *net.OpError
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		name        x509.HostnameError
		dns         *net.DNSError
		record      tls.RecordHeaderError
		network     net.Error
	)
	step := ""
	if errors.As(err, &op) {
		step = op.Op
	}
	late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
	switch {
	case errors.Is(err, ErrAddress):
		return Forbidden
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &name):
		return Untrusted
	case step == "remote error" && aboutCertificate(op.Err):
		return Rejected
	case step == "remote error", errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return Handshake
	case errors.Is(err, context.Canceled):
		return Canceled
	case step == "dial" && late:
		return DialTimeout
	case errors.As(err, &dns):
		return NotFound
	case step == "dial":
		return Unreached
	case late:
		return Timeout
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Cut
	}
	return Unknown
}

// aboutCertificate reports whether an alert of the server is about the
// certificate that we showed, or did not show. Package crypto/tls has a type of
// its own for alerts, which only says what they are called.
//
// Source: RFC 8446, section 6.2.
func aboutCertificate(alert error) bool {
	const badCertificate, unsupported, revoked, expired, unknown = 42, 43, 44, 45, 46
	const unknownAuthority, accessDenied, required = 48, 49, 116
	return slices.ContainsFunc([]tls.AlertError{badCertificate, unsupported, revoked, expired, unknown, unknownAuthority, accessDenied, required},
		func(a tls.AlertError) bool { return a.Error() == alert.Error() })
}
