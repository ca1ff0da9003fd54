package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
)

// Trouble is why a request has no answer. Whether it had an effect is not known,
// unless there was no connection.
type Trouble int

const (
	Unknown     Trouble = iota
	Refused             // by our rules for addresses; a person has to mend it
	Untrusted           // the server's certificate; a person has to mend it
	Rejected            // our certificate, by the server; a person has to mend it
	Handshake           // no TLS, or another one
	Canceled            // by ourselves
	Unreachable         // nobody is there, or the name is not known
	DialTimeout         // nobody answered in time when we knocked
	Timeout             // an answer did not come in time
	Cut                 // the connection broke
)

// Diagnose tells them apart.
func Diagnose(err error) Trouble {
	var (
		dial        *net.OpError
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		name        x509.HostnameError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		network     net.Error
	)
	late := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
	switch {
	case errors.Is(err, ErrAddress):
		return Refused
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &name):
		return Untrusted
	case errors.As(err, &alert) && aboutCertificate(alert):
		return Rejected
	case errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return Handshake
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.As(err, &dial) && dial.Op == "dial" && late:
		return DialTimeout
	case errors.As(err, &dial) && dial.Op == "dial":
		return Unreachable
	case late:
		return Timeout
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Cut
	}
	return Unknown
}

// aboutCertificate reports whether a server's alert is about the certificate
// that we showed, or did not show. Source: RFC 8446, section 6.2.
func aboutCertificate(a tls.AlertError) bool {
	const badCertificate, unknownAuthority, accessDenied, certificateRequired = 42, 48, 49, 116
	return a >= badCertificate && a <= 46 || a == unknownAuthority || a == accessDenied || a == certificateRequired
}
