// Package audit is what a thief could have done with a credential: who used it,
// and who read it in the vault, within the time in which it may have been known
// to others.
//
// # The model
//
// A [Case] is stored with its rotation and grows while that runs: each [Source]
// is asked once beside the plan, as soon as it can be, and once more when the old
// credential is dead. What was read is never given up for an answer that tells
// less. A source is complete, partial or not available, and says why; from a
// source that is not complete nobody may conclude that nothing happened.
//
// What is unusual is found by comparing ([Case.Findings]): with the moment when
// the application was proved to run on the new credential, with the death of the
// old one, with the addresses and agents that use the new one, which only the
// application has, and with what the configuration declares. The order is an
// investigator's: what needs an answer comes first.
//
// The lines hold words of strangers, cut and masked by whoever brought them. They
// are escaped here for what they are written into.
package audit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Completeness says how far a source may be believed. Names are stored.
type Completeness string

// How far.
const (
	Complete    Completeness = "complete"
	Partial     Completeness = "partial"
	Unavailable Completeness = "not available"
)

// worse is the one of two that may be believed less.
func worse(a, b Completeness) Completeness {
	order := []Completeness{Complete, Partial, Unavailable}
	return order[max(slices.Index(order, a), slices.Index(order, b), 0)]
}

// Role is what a source was asked about. Names are stored.
type Role string

// The roles.
const (
	Old   Role = "old"   // the uses of the credential that may have leaked
	New   Role = "new"   // the uses of its successor: to compare with
	Vault Role = "vault" // who read the value where it is kept
)

// Line is one use or reading, or several that are alike.
type Line struct {
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Count  int       `json:"n,omitempty"`      // 0 where it is not told
	Amount int64     `json:"amount,omitempty"` // in the source's own unit
	What   string    `json:"what,omitempty"`
	IP     string    `json:"ip,omitempty"`
	Agent  string    `json:"agent,omitempty"`
	Who    string    `json:"who,omitempty"`
	Own    bool      `json:"own,omitempty"` // Rekey did it
}

// Source is what one place told.
type Source struct {
	Name         string       `json:"name"`
	Of           string       `json:"of"` // the credential, or the variable and its environment
	Role         Role         `json:"role"`
	Tells        string       `json:"tells,omitempty"`
	Unit         string       `json:"unit,omitempty"`
	Anyone       bool         `json:"anyone,omitempty"` // it never says with which credential
	Completeness Completeness `json:"completeness"`
	Why          string       `json:"why,omitempty"`
	From         time.Time    `json:"from"`  // what was asked about
	Until        time.Time    `json:"until"` // up to then
	Lines        []Line       `json:"lines,omitempty"`
}

func (s Source) same(other Source) bool {
	return s.Name == other.Name && s.Of == other.Of && s.Role == other.Role
}

// Case is an audit and all that it is judged by.
type Case struct {
	Secret     string    `json:"secret"`
	Credential string    `json:"credential"` // the old one, as people see it
	From       time.Time `json:"from"`
	Basis      string    `json:"basis"`            // why it begins there
	Reason     string    `json:"reason,omitempty"` // what happened, in the words of whoever called
	Alarmed    time.Time `json:"alarmed,omitzero"` // when
	Moved      time.Time `json:"moved,omitzero"`
	Ended      time.Time `json:"ended,omitzero"`
	Dead       time.Time `json:"dead,omitzero"`
	Dies       time.Time `json:"dies,omitzero"`   // when it dies by itself, where nothing ends it sooner
	Closed     time.Time `json:"closed,omitzero"` // when the last look was made
	Looks      int       `json:"looks,omitempty"` // attempts at the last one
	// Addresses and Readers are declared: networks of the application, and
	// identities that may read the value.
	Addresses []string `json:"addresses,omitempty"`
	Readers   []string `json:"readers,omitempty"`
	Sources   []Source `json:"sources,omitempty"`
}

// Find returns what is known from a source so far.
func (c *Case) Find(role Role, name, of string) (Source, bool) {
	at := slices.IndexFunc(c.Sources, Source{Name: name, Of: of, Role: role}.same)
	if at < 0 {
		return Source{}, false
	}
	return c.Sources[at], true
}

// Take adds what a source told. Asked again it replaces what it told before,
// unless it tells less; asked about a later time it goes on from there.
func (c *Case) Take(s Source) {
	at := slices.IndexFunc(c.Sources, s.same)
	if at < 0 {
		c.Sources = append(c.Sources, s)
		return
	}
	before := c.Sources[at]
	switch {
	case before.Completeness == Unavailable, s.From.Equal(before.From) && s.Completeness == Complete:
		c.Sources[at] = s
	case s.Completeness == Unavailable:
		before.Completeness = Partial
		before.Why = fmt.Sprintf("%s After %s: %s", before.Why, stamp(before.Until), s.Why)
		c.Sources[at] = before
	default:
		c.Sources[at] = before.and(s)
	}
}

// and joins two looks at one source: what the earlier one saw up to its end, and
// of the later one what comes after. A line of the later one that began before
// that end and went on takes the place of what the earlier one knew of it.
func (s Source) and(later Source) Source {
	joined := later
	joined.From = s.From
	joined.Completeness = worse(s.Completeness, later.Completeness)
	if s.Completeness != Complete && s.Why != later.Why {
		joined.Why = s.Why + " " + later.Why
	}
	joined.Lines = slices.Clone(s.Lines)
	for _, l := range later.Lines {
		if l.First.Before(s.Until) && l.Last.Before(s.Until) {
			continue
		}
		joined.Lines = append(slices.DeleteFunc(joined.Lines, l.goesOn), l)
	}
	return joined
}

// goesOn reports that a line holds all of an earlier one, which is alike.
func (l Line) goesOn(before Line) bool {
	return before.What == l.What && before.IP == l.IP && before.Agent == l.Agent && before.Who == l.Who && before.Own == l.Own &&
		!before.First.Before(l.First) && !before.Last.After(l.Last) && before.Count <= l.Count && before.Amount <= l.Amount
}

// Bound keeps the case within a size, in bytes of its stored form. What is least
// unusual goes first, and its source says so.
func (c *Case) Bound(most int) {
	for c.size() > most {
		at := -1
		for i, s := range c.Sources {
			if n := len(s.Lines); n > 0 && (at < 0 || n > len(c.Sources[at].Lines)) {
				at = i
			}
		}
		if at < 0 {
			return
		}
		s := &c.Sources[at]
		keep := len(s.Lines) / 2
		slices.SortStableFunc(s.Lines, func(a, b Line) int { return cmp.Compare(c.judge(*s, a), c.judge(*s, b)) })
		if s.Completeness == Complete {
			s.Completeness, s.Why = Partial, "More was told than is kept; what is least unusual was left out. "+s.Why
		}
		s.Lines = slices.Clone(s.Lines[:keep])
		slices.SortStableFunc(s.Lines, func(a, b Line) int { return a.First.Compare(b.First) })
	}
}

func (c *Case) size() int {
	body, err := json.Marshal(c)
	if err != nil {
		return 0 // it holds nothing that cannot be encoded
	}
	return len(body)
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
