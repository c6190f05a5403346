package render

import (
	"strings"
	"testing"
	"time"

	"rekey/providers"
	"rekey/rotation"
	"rekey/rotation/event"
)

// leaked is an emergency at its request for approval.
func leaked(shape providers.Shape, shared bool) *rotation.Rotation {
	r := asking(shared) // by a routine way; what that had and an emergency has not is taken away
	r.Vigils, r.Seen, r.Card.Expires = nil, rotation.Figures{}, time.Time{}
	delete(r.Proofs, rotation.Staging)
	r.Cell.Mode, r.Cell.Shape = rotation.Emergency, shape
	r.Plan, _ = rotation.PlanFor(r.Cell)
	for i, s := range r.Plan {
		if s.Act == rotation.Approve {
			r.Cursor = i
		}
	}
	if !shared {
		delete(r.Places, rotation.Staging)
	}
	r.Alarmed, r.Reason = noon, "it is in a public repository"
	return r
}

// TestStagingAloneIsSaid: wherever people look, they read whose key it is about, and
// what is left alone.
func TestStagingAloneIsSaid(t *testing.T) {
	r := leaked(providers.Overlap, false)
	if m := Card(r, cardEvent, team); !strings.Contains(string(asSent(t, m)), "--env staging what happened") || !strings.Contains(string(asSent(t, m)), "staging has a key of its own") {
		t.Errorf("%s", asSent(t, m))
	}
	r.Cell.OnlyStaging = true
	r.Plan, _ = rotation.PlanFor(r.Cell)
	r.Places = map[string]rotation.Place{rotation.Staging: r.Places[rotation.Production]}
	r.Proofs = map[string]rotation.Certificate{rotation.Staging: r.Proofs[rotation.Production]}
	for name, m := range map[string]Message{"root": Root(r, Audience{}), "card": Card(r, cardEvent, team)} {
		text := string(asSent(t, m))
		if !strings.Contains(m.Text, "in staging") && !strings.Contains(m.Text, "staging") || strings.Contains(text, "watches production") || strings.Contains(text, "Watch production") {
			t.Errorf("%s: %s", name, text)
		}
	}
	if m := Card(r, cardEvent, team); !strings.Contains(string(asSent(t, m)), "--env production what happened") {
		t.Errorf("%s", asSent(t, m))
	}
}

// TestDrillIsMarked: nobody takes a rehearsal for an incident, wherever he looks.
func TestDrillIsMarked(t *testing.T) {
	r := leaked(providers.Overlap, true)
	r.Drill = true
	for name, m := range map[string]Message{
		"root": Root(r, Audience{}), "card": Card(r, cardEvent, team), "line": Lines(r, oneOfEach()), "urgent": Urgent(r, guideEvent, team),
		"report": Report(r, event.Event{Kind: event.Reported}), "ahead": cardAhead(r, cardEvent, team),
	} {
		if !strings.Contains(m.Text, "DRILL") || !strings.Contains(string(asSent(t, Message{Blocks: m.Blocks[:1]})), "DRILL") {
			t.Errorf("%s: %s", name, m.Text)
		}
	}
}

// TestHarmIsSaid: who else is cut off by the end stands where people decide, also in
// the words that are read aloud.
func TestHarmIsSaid(t *testing.T) {
	r := leaked(providers.Overlap, true)
	r.Card.Harm = "Every browser loses its public key."
	if m := Card(r, cardEvent, team); !strings.Contains(m.Text, r.Card.Harm) || !strings.Contains(string(asSent(t, m)), "*Breaks with it:* "+r.Card.Harm) {
		t.Errorf("%s", asSent(t, m))
	}
	if text := sheetWords(r); !strings.Contains(text, "Breaks with it: Every browser") {
		t.Error(text)
	}
}

func TestGoldenAlarm(t *testing.T) {
	both, apart, tokens := leaked(providers.Overlap, true), leaked(providers.Overlap, false), leaked(providers.DeployFirst, false)
	both.Also = []string{"OLD_FAL in production"}
	for name, m := range map[string]Message{
		"alarm-card": Card(both, cardEvent, team), "alarm-card-environment": Card(apart, cardEvent, team),
		"alarm-card-tokens": Card(tokens, cardEvent, team), "alarm-root": Root(both, team),
	} {
		t.Run(name, func(t *testing.T) {
			checkLimits(t, name, m)
			golden(t, name, asSent(t, m))
		})
	}
}
