// Package fault says what to do about a call to the outside that went wrong.
//
// An adapter classifies once, next to the wire, where the status code and the
// kind of call (read or write) are still known; everything above decides on
// the class and the reason, never on the text of an error. The class tells
// the engine what to do, the reason tells people which sentence applies, and
// the wrapped cause is for the log alone.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Class is what may be done next. The zero Class is Ask: what was not
// classified needs a person.
type Class int

const (
	// Ask: stop and ask a person. Repeating will not help and may harm.
	Ask Class = iota
	// Again: nothing happened (or only a read was made); try again later.
	Again
	// Lost: a write was sent and its answer never came. The effect may or may
	// not exist; look before doing anything.
	Lost
	// Never: the request is wrong by itself; the same one fails for ever.
	Never
)

// String names the class for logs.
func (c Class) String() string {
	switch c {
	case Again:
		return "again"
	case Lost:
		return "lost"
	case Never:
		return "never"
	default:
		return "ask"
	}
}

// Reason is the closed set of what people are told. The sentences belong to
// the packages that speak to people.
type Reason string

// The reasons. Names are stored in the journal: renaming one breaks old
// records.
const (
	Unexplained     Reason = "unexplained"       // nothing below fits
	Unauthorized    Reason = "unauthorized"      // 401: the credential we asked with was refused
	Forbidden       Reason = "forbidden"         // 403: it lacks the right
	NotFound        Reason = "not_found"         // 404
	Conflict        Reason = "conflict"          // 409
	Invalid         Reason = "invalid"           // 400, 422
	RateLimited     Reason = "rate_limited"      // 429
	ServerError     Reason = "server_error"      // 5xx
	Unreachable     Reason = "unreachable"       // no connection, DNS, TLS
	TimedOut        Reason = "timed_out"         // no answer in time
	Interrupted     Reason = "interrupted"       // we stopped waiting ourselves: shutdown, or a lease that was lost
	Garbled         Reason = "garbled"           // an answer that is not what was asked for: HTML, cut JSON, missing members
	TooLarge        Reason = "too_large"         // more bytes than we read
	HeldForApproval Reason = "held_for_approval" // the vault keeps the write until a person merges it
	ChangedByOther  Reason = "changed_by_other"  // somebody else wrote in between
	NotWritten      Reason = "not_written"       // the read-back does not show what was written
	Unsettled       Reason = "unsettled"         // a write was sent that may still come
	Managed         Reason = "managed"           // a reference, an import, or another rotator owns the value
	Ambiguous       Reason = "ambiguous"         // two candidates or none where one was needed
	Failing         Reason = "failing"           // a check of the application says it is failing
	CannotMeasure   Reason = "cannot_measure"    // a source of measurements could not be asked
	Unproved        Reason = "unproved"          // a certificate was not given in time
	StillAlive      Reason = "still_alive"       // a credential that was ended is still accepted
	TooLate         Reason = "too_late"          // what is asked for would outlive what it needs
	Unanswered      Reason = "unanswered"        // people were asked to do something, and nobody did in time
	Unsupported     Reason = "unsupported"       // known, and not built yet
)

// Error is a classified failure.
type Error struct {
	Op         string        // what was being done, in the gerund: "creating a key at fal.ai"
	Class      Class         // what may be done next
	Reason     Reason        // which sentence applies
	Status     int           // HTTP status where there was one, else 0
	RetryAfter time.Duration // how long the service asked to wait, else 0
	Detail     string        // for people: names, versions, paths; never a value, never a response body
	Err        error         // the cause, for the log
	// Foreign says that the other side did not give the answer: what refused is a
	// page for people, as that of a proxy or a login in between.
	Foreign bool
}

// Error gives operation, reason and cause.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", e.Op, e.Reason)
	if e.Status != 0 {
		text += fmt.Sprintf(" (status %d)", e.Status)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New builds an Error that asks a person.
func New(op string, reason Reason, detail string) *Error {
	return &Error{Op: op, Reason: reason, Detail: detail}
}

// Of finds the outermost classified failure in a chain: whoever wrapped last
// knew most. What was never classified comes back as Ask and Unexplained
// around the error itself, and nil as nil; do not assign that nil to an error.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if found, ok := errors.AsType[*Error](err); ok {
		return found
	}
	return &Error{Op: "working", Class: Ask, Reason: Unexplained, Err: err}
}

// Is reports whether the failure that [Of] finds has the given reason.
func Is(err error, reason Reason) bool {
	found, ok := errors.AsType[*Error](err)
	return ok && found.Reason == reason
}
