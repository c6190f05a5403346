package render

import (
	"testing"
	"time"

	"rekey/providers"
	"rekey/rotation"
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
