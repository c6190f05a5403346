//go:build !release

package main

import (
	"fmt"
	"strings"
	"time"

	"rekey/internal/sandbox"
	"rekey/providers"
	"rekey/rotation"
)

// played is what one rotation came to.
type played struct {
	Secret       string     `json:"secret"`
	Mode         string     `json:"mode"`
	RevokeFirst  bool       `json:"revoke_first,omitempty"`
	Drill        bool       `json:"drill,omitempty"`
	Shape        string     `json:"shape"`
	Result       string     `json:"result"`
	OldKeyDead   bool       `json:"old_key_dead"`
	NewKeyLive   bool       `json:"new_key_live"`
	ApprovedBy   string     `json:"approved_by"`
	AppRequests  int        `json:"app_requests"` // of this secret's parts
	AppFailed    int        `json:"app_failed"`
	GapSeconds   float64    `json:"gap_seconds"`
	Steps        []demoStep `json:"steps"`
	*containment            // of an emergency
	*homecoming             // of a rollback
	*absence                // of Slack

	broken []string // invariants that did not hold, in words
}

// onlyTime is the result of an emergency that only time can finish.
const onlyTime = "waiting"

type demoStep struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// demoResult is the last line of a demonstration with --json.
type demoResult struct {
	played
	Leaks int `json:"leaks"`
}

func (r *demoResult) good() bool { return r.played.good() && r.Leaks == 0 }

// good holds when the rotation did what it is for and nobody noticed; where the
// service allows no better, when what was noticed lies within a gap that was
// measured.
func (r *played) good() bool {
	noticed := r.AppFailed > 0 || r.GapSeconds > 0
	if r.homecoming != nil {
		return r.whole(noticed)
	}
	switch {
	case r.Shape == string(providers.Cutover), r.RevokeFirst:
		noticed = r.GapSeconds == 0 // it was not measured
	case r.containment != nil && (r.Shape == string(providers.DeployFirst) || r.ProductionFailed == 0):
		noticed = false // staging is brought along, tokens are turned away: the card says so
	}
	ended := r.Result == "done" && r.OldKeyDead
	if r.containment != nil && r.waits {
		ended = r.Result == onlyTime
	}
	return ended && r.NewKeyLive && !noticed && len(r.broken) == 0 && r.containment.good() && r.absence.good()
}

func (r *demoResult) tell(say func(string, ...any)) {
	r.played.tell(say)
	say("%d leaks", r.Leaks)
}

func (r *played) tell(say func(string, ...any)) {
	for _, b := range r.broken {
		say("BROKEN: %s: %s", r.Secret, b)
	}
	say("%s: %s (%s): old key dead %t, new key live %t, %d application requests, %d failed, gap %g s",
		r.Secret, r.Result, r.Shape, r.OldKeyDead, r.NewKeyLive, r.AppRequests, r.AppFailed, r.GapSeconds)
	r.containment.tell(r.Secret, say)
	r.homecoming.tell(r.Secret, say)
	r.absence.tell(r.Secret, say)
}

// saw takes over what the visitors saw.
func (r *played) saw(s sandbox.Share) {
	r.AppRequests, r.AppFailed, r.GapSeconds = s.Requests, s.Failed, float64(int64(s.Gap*1000))/1000
}

// quote takes over what the bot's record says.
func (r *played) quote(record *rotation.Rotation) {
	if record == nil {
		r.Result = "nothing recorded"
		return
	}
	r.RevokeFirst = record.Cell.RevokeFirst
	r.Shape, r.Result = string(record.Cell.Shape), string(record.State)
	if !record.Dies().IsZero() && record.State == rotation.Running {
		r.Result = onlyTime
	}
	c := record.Card
	if record.Allowed != nil { // the later one is about the vault
		c = record.Allowed
	}
	if c != nil && len(c.Approved) > 0 {
		r.ApprovedBy = c.Approved[0].Person.ID
	}
	for _, t := range record.Times {
		if !t.Ended.IsZero() {
			r.Steps = append(r.Steps, demoStep{t.Step, float64(t.Ended.Sub(t.Started).Milliseconds()) / 1000})
		}
	}
}

// glossed holds what the record says of its gap against what production's
// visitors saw.
func glossed(record *rotation.Rotation, c *containment) []string {
	if record == nil || !record.Gap.Counted || record.Gap.Failed > 0 || c.ProductionFailed == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the record says that no request failed in the gap; %d of production did", c.ProductionFailed)}
}

// slack is how much later than it failed a visit may be counted.
const afterwards = 2 * time.Second

// outside holds the failures of a cutover, or of an emergency, against its gap: from the approval, without
// which nothing ends, to the beginning of the watch, before which both
// environments were proved.
func outside(record *rotation.Rotation, s sandbox.Share) []string {
	if record == nil || s.Failed == 0 || record.Cell.Shape != providers.Cutover && record.Cell.Mode != rotation.Emergency {
		return nil
	}
	var from, to time.Time
	for _, t := range record.Times {
		switch {
		case strings.HasPrefix(t.Step, string(rotation.Approve)):
			from = t.Ended
		case t.Step == string(rotation.Watch):
			to = t.Started
		}
	}
	if from.IsZero() || s.First.Before(from) || to.IsZero() || s.Last.After(to.Add(afterwards)) {
		return []string{fmt.Sprintf("requests failed outside the gap: from %s to %s, approved at %s, watched from %s", s.First, s.Last, from, to)}
	}
	return nil
}
