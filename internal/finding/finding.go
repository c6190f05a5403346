// Package finding is what a look without writing comes to: one thing that was
// looked at, how it stands, and what to do about it.
//
// Adapters find out about their own side of the outside and return findings;
// whoever asked puts them together. A finding is for people and holds no value
// of a secret, no token and no response body.
package finding

import (
	"fmt"
	"time"

	"rekey/internal/fault"
)

// Verdict is how a thing stands.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Wrong   Verdict = "wrong"
	Unclear Verdict = "cannot tell" // it could not be found out by reading
)

// Finding is one thing that was looked at.
type Finding struct {
	Looked  string  `json:"looked_at"` // "Scopes of the Slack bot token"
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`        // a sentence
	Do      string  `json:"do,omitempty"` // what to do, in a sentence; empty where all is well
}

// Good is a thing that is as it should be.
func Good(looked, found string) Finding { return Finding{Looked: looked, Verdict: OK, Found: found} }

// Bad is a thing that has to be changed.
func Bad(looked, found, do string) Finding { return Finding{looked, Wrong, found, do} }

// Open is a thing that could not be found out.
func Open(looked, found, do string) Finding { return Finding{looked, Unclear, found, do} }

// Failed is a look that ended in an error. What may pass by itself, or was cut
// short, leaves the thing open; everything else is wrong.
func Failed(looked string, err error, do string) Finding {
	f := fault.Of(err)
	verdict := Wrong
	switch f.Reason {
	case fault.RateLimited, fault.ServerError, fault.Interrupted:
		verdict = Unclear
	}
	return Finding{looked, verdict, Words(f), do}
}

// Words is what a fault tells people; its cause stays out.
func Words(f *fault.Error) string {
	text := fmt.Sprintf("%s: %s", f.Op, reasons[f.Reason])
	if reasons[f.Reason] == "" {
		text = fmt.Sprintf("%s: %s", f.Op, reasons[fault.Unexplained])
	}
	if f.Status != 0 {
		text += fmt.Sprintf(" (status %d)", f.Status)
	}
	if f.Detail != "" {
		text += "; " + f.Detail
	}
	return text + "."
}

// reasons are the words for why a look failed.
var reasons = map[fault.Reason]string{
	fault.Unexplained:   "something unexpected happened",
	fault.Unauthorized:  "the credential was refused",
	fault.Forbidden:     "the credential lacks a right",
	fault.NotFound:      "it does not exist",
	fault.Conflict:      "the other side reports a conflict",
	fault.Invalid:       "the request was called invalid",
	fault.RateLimited:   "the other side asked to slow down",
	fault.ServerError:   "the other side has an error of its own",
	fault.Unreachable:   "it could not be reached",
	fault.TimedOut:      "no answer came in time",
	fault.Interrupted:   "the look was cut short",
	fault.Garbled:       "the answer was not what the documentation promises",
	fault.TooLarge:      "the answer was too large to be read",
	fault.Managed:       "the value is managed elsewhere",
	fault.Ambiguous:     "it cannot be told with certainty",
	fault.Unsupported:   "this version cannot work with it",
	fault.Failing:       "the application is failing",
	fault.CannotMeasure: "it could not be measured",
}

// Skewed compares another clock, told in whole seconds at about this moment,
// with our own. limit is how far apart they may be.
func Skewed(looked string, theirs, ours time.Time, limit time.Duration) Finding {
	off := theirs.Sub(ours)
	found := fmt.Sprintf("It is %s from ours.", off.Abs().Round(time.Second))
	switch {
	case theirs.IsZero():
		return Open(looked, "The answer names no time.", "Compare the clock of Rekey's machine with a reliable one.")
	case off.Abs() > limit+time.Second:
		return Bad(looked, found, fmt.Sprintf("Set the clock of Rekey's machine (NTP). Signatures and proofs with a time are refused when clocks differ; more than %s counts as wrong here.", limit))
	default:
		return Good(looked, found)
	}
}
