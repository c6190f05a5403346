package render

import (
	"strings"
	"testing"
	"time"

	"rekey/providers"
	"rekey/rotation"
	"rekey/rotation/event"
)

// turning is a rotation of which issuing kills the old key, at its card.
func turning(shape providers.Shape, shared bool) *rotation.Rotation {
	r := fresh(shared)
	r.Cell.Shape, r.Traits.Shape = shape, shape
	r.Traits.Waits.Grace = 24 * time.Hour
	r.Traits.EndIs, r.Traits.Guided, r.Pauses = "", shape == providers.Cutover, shape == providers.Cutover
	r.Plan, _ = rotation.PlanFor(r.Cell)
	r.Gap.Rehearsed = 42 * time.Second
	for i, s := range r.Plan {
		if s.Act == rotation.Approve {
			r.Cursor, r.Begun = i, true
		}
	}
	for _, env := range environments {
		did(r, rotation.Step{Act: rotation.Prove, Environment: env}, noon)
	}
	r.State = rotation.Asking
	r.Card = &rotation.Card{Number: 1, State: rotation.CardOpen, Evidence: strings.Repeat("feed", 16), Asked: noon, Expires: noon.Add(24 * time.Hour), Outage: r.Outage()}
	return r
}

func outage(r *rotation.Rotation) event.Event {
	e := cardEvent
	e.Facts = map[string]string{"evidence": strings.Repeat("feed", 16), "outage": r.Outage()}
	return e
}

// turned is one that is done.
func turned() *rotation.Rotation {
	r := turning(providers.Cutover, true)
	for _, env := range environments {
		did(r, rotation.Step{Act: rotation.Issue, Environment: env}, noon)
	}
	r.Card.State, r.Card.Approved = rotation.CardApproved, []rotation.Vote{{Person: ben, Path: "emoji", At: noon.Add(time.Hour)}}
	r.State, r.Cursor, r.Ended = rotation.Succeeded, len(r.Plan), noon.Add(80*time.Minute)
	r.Ends = map[string]rotation.Ending{"": {ID: "0ldkey-prd", Sent: noon, Refused: noon.Add(time.Minute), Last: noon.Add(20 * time.Minute), Answer: "401", Probes: 2, Dead: noon.Add(20 * time.Minute)}}
	r.Gap = rotation.Gap{Rehearsed: 42 * time.Second, From: noon, To: noon.Add(51 * time.Second), Counted: true, Requests: 120, Failed: 17}
	return r
}

func TestGoldenAhead(t *testing.T) {
	cut, grace := turning(providers.Cutover, true), turning(providers.Grace, false)
	denied := turning(providers.Cutover, true)
	denied.State, denied.Card.State, denied.Card.Denied = rotation.Abandoned, rotation.CardDenied, &rotation.Vote{Person: ben, Path: "button", At: noon}
	under := turning(providers.Cutover, true)
	under.State, under.Held = rotation.Running, noon
	under.Turns = map[string]rotation.Turn{"": {Sent: noon, Made: noon}}
	under.Proofs = nil
	for name, m := range map[string]Message{
		"card-cutover": Card(cut, outage(cut), team), "card-grace": Card(grace, outage(grace), team),
		"card-ahead-denied": Closed(denied, 1), "root-cutover": Root(under, team), "report-cutover": Report(turned(), event.Event{Kind: event.Reported}),
	} {
		t.Run(name, func(t *testing.T) {
			checkLimits(t, name, m)
			golden(t, name, asSent(t, m))
		})
	}
}

// TestNothingSaysThatAnEndFollows: where issuing kills, nobody is asked for an
// end, and nobody is told that both keys live.
func TestNothingSaysThatAnEndFollows(t *testing.T) {
	r := turning(providers.Cutover, true)
	said := string(asSent(t, Card(r, outage(r), team))) + string(asSent(t, Root(r, team)))
	for _, wrong := range []string{"both keys live", "end the old key", "Ends the old key", "Nothing was revoked"} {
		if strings.Contains(said, wrong) {
			t.Errorf("it says %q", wrong)
		}
	}
}
