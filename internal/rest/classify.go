package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"rekey/internal/fault"
)

// unsure classifies an answer that arrived but tells nothing: of a write the
// effect is unknown, a read asks a person because it would come back the same.
func unsure(call Call, reason fault.Reason, status int) error {
	f := &fault.Error{Op: call.Op, Class: fault.Ask, Reason: reason, Status: status}
	if call.Write {
		f.Class = fault.Lost
	}
	return f
}

// transport classifies a call without a whole answer.
func transport(call Call, err error, neverSent bool) error {
	f := &fault.Error{Op: call.Op, Class: fault.Again, Reason: fault.Unreachable, Err: bare(err)}
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		f.Reason = fault.Interrupted
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		f.Reason = fault.TimedOut
	}
	if call.Write && !neverSent {
		f.Class = fault.Lost
	}
	return f
}

// errNoAnswer stands for every transport error whose text we do not know to
// be harmless: net/http quotes malformed answers, headers and redirects.
var errNoAnswer = errors.New("no HTTP answer")

// bare reduces a transport error to the part that is known to name addresses
// and conditions only. *url.Error in particular prints the URL with its query.
func bare(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate
	}
	return errNoAnswer
}

// reasons of the statuses that refuse; a person has to look at each.
var reasons = map[int]fault.Reason{
	http.StatusUnauthorized: fault.Unauthorized,
	http.StatusForbidden:    fault.Forbidden,
	http.StatusNotFound:     fault.NotFound,
	http.StatusConflict:     fault.Conflict,
}

// status classifies an answer whose status was not accepted. A page is nothing
// that a service for programs answers: what refuses with one stands in between.
func status(call Call, resp *http.Response, page bool) error {
	code := resp.StatusCode
	f := &fault.Error{
		Op: call.Op, Class: fault.Ask, Reason: reasons[code], Status: code,
		RetryAfter: retryAfter(resp.Header, time.Now()),
	}
	switch {
	case f.Reason == fault.Unauthorized, f.Reason == fault.Forbidden:
		f.Foreign = page
	case f.Reason != "":
	case code == http.StatusBadRequest, code == http.StatusUnprocessableEntity:
		f.Class, f.Reason = fault.Never, fault.Invalid
	case code == http.StatusTooManyRequests:
		f.Class, f.Reason = fault.Again, fault.RateLimited
	case code == http.StatusRequestTimeout:
		f.Class, f.Reason = afterServerTrouble(call), fault.TimedOut
	case code >= http.StatusInternalServerError:
		f.Class, f.Reason = afterServerTrouble(call), fault.ServerError
	case code >= http.StatusBadRequest:
		f.Reason = fault.Unexplained
	default:
		return unsure(call, fault.Garbled, code)
	}
	return f
}

// afterServerTrouble: a server that failed halfway may have done the write.
func afterServerTrouble(call Call) fault.Class {
	if call.Write {
		return fault.Lost
	}
	return fault.Again
}

// longestPause bounds what a service may ask for: a pause beyond it is a
// mistake or an attempt to make us wait for ever.
const longestPause = 24 * time.Hour

// retryAfter reads the header's seconds or date (RFC 9110, section 10.2.3);
// zero when absent, odd or past.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(longestPause/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return min(at.Sub(now), longestPause)
	}
	return 0
}
