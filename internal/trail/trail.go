// Package trail is what a source tells of the uses of one credential, or of the
// readings of one value in a vault, within a window of time.
//
// # The model
//
// A [Source] is a place that notes uses: a list of billed requests, the logs of a
// gateway, a vault's audit log. Asking it comes to a [Trail], which says above all
// how far it may be believed: that a source shows nothing is no proof that there
// was nothing, unless it is complete. What cannot be asked is a source, too.
//
// Applications use a credential a million times. A [Gather] therefore joins uses
// that are alike and close together into one [Use] that says how many there were,
// when the first and when the last, and never joins what lies on both sides of a
// moment that matters, such as the end of the credential.
//
// Whoever uses a stolen credential decides what stands in an agent or a path, and
// an application may put a value there. Both are quotes, which print as masks.
package trail

import (
	"net/netip"
	"time"

	"rekey/internal/secret"
)

// Completeness says how far a trail may be believed. Names are stored.
type Completeness string

// How far.
const (
	Complete    Completeness = "complete"      // what happened within the window is there
	Partial     Completeness = "partial"       // there may be more than what is there
	Unavailable Completeness = "not available" // nothing is known
)

// Source is a place that notes uses.
type Source struct {
	Name  string // for people: "billing events"
	Tells string // what it says of each use, and what it never says
	Unit  string // of what it counts beside uses, such as tokens; "" for nothing
	// Blind says why nobody can ask it; "" where one can.
	Blind string
	// Anyone says that it tells what was done with any credential of a place,
	// and never with which.
	Anyone bool
	// Fades says that it may no longer tell of a credential that was ended for
	// good: it has to be asked before.
	Fades bool
}

// Window is the time that is asked about, [From, To).
type Window struct {
	From, To time.Time
	// Marks are moments within it across which no uses are joined.
	Marks []time.Time
	// Most bounds how many uses a trail may have.
	Most int
}

// Holds reports whether a moment is within the window.
func (w Window) Holds(at time.Time) bool { return !at.Before(w.From) && at.Before(w.To) }

// Use is one use, or several that are alike.
type Use struct {
	First, Last time.Time    // equal for a single one; ends of a stretch where the source counts by stretches
	Count       int          // 0 where the source tells that there were some, and not how many
	Amount      int64        // in the source's own unit
	What        secret.Quote // what was done
	From        netip.Addr   // the address it came from; the zero Addr where the source does not tell
	Agent       secret.Quote // what the client called itself
	Who         secret.Quote // who did it, where the source knows people or identities
	Own         bool         // Rekey did it
}

// Trail is what one source told.
type Trail struct {
	Source       string // its name
	Uses         []Use
	Completeness Completeness
	// Why says what is missing where it is not complete, and else what to keep in
	// mind; in the adapter's own words.
	Why string
}

// None is the trail of a source of which nothing is known.
func None(s Source, why string) Trail {
	return Trail{Source: s.Name, Completeness: Unavailable, Why: why}
}
