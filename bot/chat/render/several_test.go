package render

import (
	"strings"
	"testing"
	"time"

	"rekey/rotation"
)

// several is a batch with a secret at every stand.
func several() *rotation.Progress {
	dead := done(true)
	b := &rotation.Batch{ID: "k3v9q2m7xb", Requester: anna, Reason: "a laptop was stolen", Started: noon, Members: []rotation.Member{
		{Secret: "FAL_KEY", Begun: true}, {Secret: "R2_ACCESS_KEY_ID", Begun: true}, {Secret: "ANTHROPIC_API_KEY", Begun: true}, {Secret: "SUPABASE_SERVICE_ROLE_KEY", Begun: true},
		{Secret: "JWT_SECRET", Why: "Waits until the old key of SUPABASE_SERVICE_ROLE_KEY is dead, which depends on this one."},
		{Secret: "MEM0_API_KEY", Refused: true, Why: "Rekey looked at MEM0_API_KEY and stopped before changing anything."},
	}}
	p := &rotation.Progress{Batch: b}
	add := func(s rotation.Stand, r *rotation.Rotation) {
		p.Parts = append(p.Parts, rotation.Part{Member: &b.Members[len(p.Parts)], Stand: s, Rotation: r})
	}
	add(rotation.Buried, dead)
	add(rotation.Asks, asking(true))
	add(rotation.Wanting, wanted())
	add(rotation.Moves, upTo(true, rotation.Deploy))
	add(rotation.Waits, nil)
	add(rotation.Failed, nil)
	p.Parts[0].Dead = noon.Add(95 * time.Second)
	return p
}

// TestManyAtOnceFit: a batch of more secrets than anybody has is one message
// still.
func TestManyAtOnceFit(t *testing.T) {
	p := several()
	for range 100 {
		m := *p.Parts[5].Member
		m.Why = strings.Repeat("Nobody answers. ", 20)
		p.Parts = append(p.Parts, rotation.Part{Member: &m, Stand: rotation.Failed})
	}
	checkLimits(t, "batch", Batch(p, nil, team))
	checkLimits(t, "table", BatchTable(p, nil, "Over."))
}
