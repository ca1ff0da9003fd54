package firehose

import (
	"context"
	"errors"
	"net/http"

	"github.com/hydrant-dev/hydrant/buffer"
)

// apiError is an answer that is no success. Clients decide by code and status
// whether to try again: SDKs repeat 5xx, and nothing else that is sent here.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func invalidArgument(message string) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidArgumentException", message}
}

func notFound(name, account string) *apiError {
	return &apiError{http.StatusBadRequest, "ResourceNotFoundException",
		"Firehose " + name + " under account " + account + " not found."}
}

func notActive(name, account string) *apiError {
	return &apiError{http.StatusBadRequest, "ResourceNotFoundException",
		"Firehose " + name + " is not active in " + account + " account."}
}

func serialization(err error) *apiError {
	return &apiError{http.StatusBadRequest, "SerializationException", "Cannot read the request: " + err.Error() + "."}
}

func unavailable(message string) *apiError {
	return &apiError{http.StatusServiceUnavailable, "ServiceUnavailableException", message}
}

// appendError says what a failed Append means to a producer: come again
// later. Paths and causes are for the operator's eyes and go to Events.
func appendError(err error) *apiError {
	switch {
	case errors.Is(err, buffer.ErrFull):
		return unavailable("Slow down. The buffer is full until records are delivered: check the destination, or raise the size of the buffer.")
	case errors.Is(err, buffer.ErrFailing):
		return unavailable("The buffer cannot write to its disk: check the disk of the server.")
	case errors.Is(err, buffer.ErrClosed):
		return unavailable("The server is stopping, nothing was stored: try again.")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unavailable("The records were not confirmed in time and may or may not be stored: try again.")
	}
	return &apiError{http.StatusInternalServerError, "InternalFailure",
		"The records could not be stored: the log of the server says why."}
}
