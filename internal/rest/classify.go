package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"rekey/internal/fault"
)

// unsure classifies an answer that arrived but cannot be used: for a write
// the effect is unknown, for a read the given class holds.
func unsure(call Call, read fault.Class, reason fault.Reason, status int) error {
	class := read
	if call.Write {
		class = fault.Lost
	}
	return &fault.Error{Op: call.Op, Class: class, Reason: reason, Status: status}
}

// transport classifies a call without a usable answer.
func transport(call Call, err error) error {
	f := &fault.Error{Op: call.Op, Class: fault.Again, Reason: fault.Unreachable, Err: bare(err)}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout()) {
		f.Reason = fault.TimedOut
	}
	if call.Write && !neverSent(err) {
		f.Class = fault.Lost
	}
	return f
}

// neverSent reports failures before the first byte: nothing can have happened.
func neverSent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// bare drops the URL that *url.Error prints, query and all, and keeps the chain.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// status classifies an answer whose status was not accepted.
func status(call Call, resp *http.Response) error {
	f := &fault.Error{Op: call.Op, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		f.Reason = fault.Unauthorized
	case code == http.StatusForbidden:
		f.Reason = fault.Forbidden
	case code == http.StatusNotFound:
		f.Reason = fault.NotFound
	case code == http.StatusConflict:
		f.Reason = fault.Conflict
	case code == http.StatusBadRequest, code == http.StatusUnprocessableEntity:
		f.Class, f.Reason = fault.Never, fault.Invalid
	case code == http.StatusTooManyRequests:
		f.Class, f.Reason = fault.Again, fault.RateLimited
	case code >= http.StatusInternalServerError:
		f.Class, f.Reason = fault.Again, fault.ServerError
		if call.Write {
			f.Class = fault.Lost
		}
	default:
		return unsure(call, fault.Ask, fault.Garbled, code)
	}
	return f
}

// retryAfter reads the header's seconds or date; zero when absent or odd.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
