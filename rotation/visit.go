package rotation

import (
	"fmt"
	"slices"
	"time"

	"rekey/providers"
)

// Visit is what a person was asked to do in a service's console: to make a
// credential and leave it in the inbox, or to end the old one.
type Visit struct {
	Environment string    `json:"env,omitempty"`  // "" where both share
	Ends        bool      `json:"ends,omitempty"` // the old one is to end; else a new one is to be made
	Console     string    `json:"console"`        // its address
	Key         string    `json:"key,omitempty"`  // the name of the new one, or the old one as people see it
	Inbox       string    `json:"inbox,omitempty"`
	Paste       []string  `json:"paste,omitempty"` // names under which the value is left
	Asked       time.Time `json:"asked"`           // first
	Taken       time.Time `json:"taken,omitzero"`  // when the value had arrived where it belongs
}

// VisitState is what has become of a visit.
type VisitState string

// The states of a visit.
const (
	VisitDue   VisitState = "due"
	VisitUnfit VisitState = "not taken" // what was left in the inbox is not what is needed
	VisitDone  VisitState = "done"
	VisitHeld  VisitState = "held" // the rotation stopped: its thread comes first
	VisitOff   VisitState = "off"  // nobody needs it any more
)

// Call is a visit as it stands now.
type Call struct {
	Visit
	Secret string
	State  VisitState
	At     time.Time // when it was done
	Wrong  string    // why what was left was not taken
	Scope  string    // what the key is for
	Turns  bool      // the new one is made in the place of the old one
	Kills  bool      // which dies in the same moment
}

// Open reports that a person is waited for.
func (c Call) Open() bool { return c.State == VisitDue || c.State == VisitUnfit }

// visits notes a visit. One that was asked for already is the same one.
func (r *Rotation) visits(v Visit) {
	i := slices.IndexFunc(r.Visits, func(old Visit) bool {
		return old.Environment == v.Environment && old.Ends == v.Ends && old.Key == v.Key && old.Taken.IsZero()
	})
	if i < 0 {
		r.Visits = append(r.Visits, v)
		return
	}
	v.Asked = r.Visits[i].Asked
	r.Visits[i] = v
}

// visited notes that what a person left was taken.
func (r *Rotation) visited(env string, now time.Time) {
	for i := range r.Visits {
		if v := &r.Visits[i]; v.Environment == env && !v.Ends && v.Taken.IsZero() && r.Errand != nil && r.Errand.Label == v.Key {
			v.Taken = now
		}
	}
}

// Calls are a rotation's visits as they stand now, in the order in which they
// were asked for.
func (r *Rotation) Calls() []Call {
	all := make([]Call, 0, len(r.Visits))
	for _, v := range r.Visits {
		c := Call{Visit: v, Secret: r.Secret, At: v.Taken, Scope: scopeWords(r, scopeOf(Step{Environment: v.Environment}))}
		c.Turns = !v.Ends && r.Cell.Ahead() && !r.Cell.RevokeFirst
		c.Kills = c.Turns && r.Cell.Shape == providers.Cutover
		asked := r.Errand != nil && r.Errand.Environment == v.Environment && r.Errand.Label == v.Key
		if v.Ends {
			var end Ending
			end, asked = r.Ends[v.Environment]
			c.At = end.Dead
		}
		switch {
		case !c.At.IsZero():
			c.State = VisitDone
		case !asked || r.State.Final():
			c.State = VisitOff
		case r.State != Running:
			c.State = VisitHeld
		case !v.Ends && r.Errand.Wrong != "":
			c.State, c.Wrong = VisitUnfit, r.Errand.Wrong
		default:
			c.State = VisitDue
		}
		all = append(all, c)
	}
	return all
}

// Round is what a batch has people do at one console.
type Round struct {
	Title   string // of the service
	Console string
	Calls   []Call
}

// Rounds are all visits of a batch, console by console, in the order in which
// one would walk: what others depend on comes first.
func (p *Progress) Rounds() []Round {
	var all []Round
	for _, part := range p.Parts {
		if part.Rotation == nil {
			continue
		}
		for _, c := range part.Rotation.Calls() {
			i := slices.IndexFunc(all, func(r Round) bool { return r.Title == part.Title && r.Console == c.Console })
			if i < 0 {
				i, all = len(all), append(all, Round{Title: part.Title, Console: c.Console})
			}
			all[i].Calls = append(all[i].Calls, c)
		}
	}
	return all
}

// Visits counts the open visits of a batch, and all that were not called off.
func (p *Progress) Visits() (open, all int) {
	for _, round := range p.Rounds() {
		for _, c := range round.Calls {
			if c.Open() {
				open++
			}
			if c.State != VisitOff {
				all++
			}
		}
	}
	return open, all
}

// roundFacts are the visits, for the journal.
func (p *Progress) roundFacts() map[string]string {
	facts := make(map[string]string)
	for _, round := range p.Rounds() {
		for _, c := range round.Calls {
			what := "make"
			if c.Ends {
				what = "end"
			}
			name := fmt.Sprintf("%s %s %s", c.Secret, what, c.Key)
			facts[name] = fmt.Sprintf("%s at %s", c.State, c.Console)
		}
	}
	return facts
}
