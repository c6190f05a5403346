// Package due answers when a secret must be rotated, from its period and the
// age of its value. It is pure: it reads no clock and keeps nothing, so
// everything in it may be computed any number of times.
//
// # The model
//
// An [Age] says since when a value has been in use, or since when at least. A
// lower bound is worth something: it can make a secret due, never fine. What
// is due comes first, then what nobody can tell, then what is fine: a secret
// of unknown age may be the oldest of all.
package due

import (
	"cmp"
	"time"
)

// Age is how old a value is, as far as can be told.
type Age struct {
	Known   bool      `json:"known,omitempty"`    // Since is exact
	AtLeast bool      `json:"at_least,omitempty"` // the value is at least as old as Since; how much older is unknown
	Since   time.Time `json:"since,omitzero"`     // zero when nothing is known
}

// Days are the whole days that have passed since then, of which there may have
// been more unless the age is known; never negative.
func (a Age) Days(now time.Time) int {
	if a.Since.IsZero() {
		return 0
	}
	return max(0, int(now.Sub(a.Since)/(24*time.Hour)))
}

// State is where a secret stands against its period. The texts are shown.
type State string

// The states, most urgent first.
const (
	Overdue      State = "overdue"  // past its time by more than a tenth of the period
	Now          State = "due"      // its time has come
	Soon         State = "due soon" // within the last sixth of the period
	Unknown      State = "unknown"  // it has a period and its age cannot be told
	OK           State = "ok"
	NotScheduled State = "not scheduled" // rotated as needed
)

// Due is a state and the moment at which the secret is or was due.
type Due struct {
	State State
	At    time.Time // zero when not scheduled or unknown
}

// When judges an age against a period at a moment. A period of zero means
// rotated as needed. An age that is only a lower bound can make a secret due,
// never fine.
func When(period time.Duration, a Age, now time.Time) Due {
	if period <= 0 {
		return Due{State: NotScheduled}
	}
	if a.Since.IsZero() {
		return Due{State: Unknown}
	}
	at := a.Since.Add(period)
	switch late := now.Sub(at); {
	case late > period/10:
		return Due{Overdue, at}
	case late >= 0:
		return Due{Now, at}
	case !a.Known:
		return Due{State: Unknown}
	case -late <= period/6:
		return Due{Soon, at}
	default:
		return Due{OK, at}
	}
}

// Sooner is a secret's due date under an expiry of its value: the margin
// before the service refuses it by itself, where that comes first.
func Sooner(d Due, expires time.Time, margin, period time.Duration, now time.Time) Due {
	at := expires.Add(-margin)
	if !d.At.IsZero() && !at.Before(d.At) {
		return d
	}
	switch left := at.Sub(now); {
	case !now.Before(expires):
		return Due{Overdue, at}
	case left <= 0:
		return Due{Now, at}
	case left <= period/6:
		return Due{Soon, at}
	case d.State == Unknown:
		return d // when it is due at the latest says nothing about now
	default:
		return Due{OK, at}
	}
}

// String returns the text that is shown.
func (s State) String() string { return string(s) }

var urgency = map[State]int{Overdue: 0, Now: 1, Soon: 2, Unknown: 3, OK: 4, NotScheduled: 5}

// Compare orders the more urgent first, then the earlier.
func Compare(a, b Due) int {
	return cmp.Or(cmp.Compare(urgency[a.State], urgency[b.State]), a.At.Compare(b.At))
}
