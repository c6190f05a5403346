package render

import (
	"strings"
	"testing"
	"time"

	"rekey/providers"
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
	checkLimits(t, "table", BatchTable(p, nil, "Over.", Audience{}))
}

// sheaf asks about two rotations of a batch, one of which is replaced at once.
func sheaf() (*rotation.Progress, *rotation.Sheaf, Audience) {
	p := several()
	turned := asking(true)
	turned.ID, turned.Secret = "b7xq2m3k9a", "R2_ACCESS_KEY_ID"
	turned.Cell.Shape, turned.Cell.Mode, turned.Card.Outage = providers.Cutover, rotation.Emergency, "Production is without a working key for about 40 s."
	first := asking(true)
	first.Cell.Mode = rotation.Emergency
	p.Parts[0].Rotation, p.Parts[0].Stand, p.Parts[1].Rotation = first, rotation.Asks, turned
	s := &rotation.Sheaf{Batch: "batch/k3v9q2m7xb", Number: 1, Asked: noon}
	for _, r := range []*rotation.Rotation{first, turned} {
		s.Sheets = append(s.Sheets, rotation.Sheet{Rotation: r.ID, Secret: r.Secret, Card: r.Card.Number, Plan: r.PlanHash, Evidence: r.Card.Evidence})
	}
	s.Seal()
	p.Cards = []rotation.Sheaf{*s}
	return p, &p.Cards[0], team
}

func sheafDecided() (*rotation.Progress, *rotation.Sheaf, int) {
	p, s, _ := sheaf()
	vote := rotation.Vote{Person: ben, Path: "button", Reason: "release is going out", At: noon.Add(time.Minute)}
	yes, no := p.Parts[0].Rotation.Card, p.Parts[1].Rotation.Card
	yes.State, yes.Approved = rotation.CardApproved, []rotation.Vote{vote}
	no.State, no.Denied = rotation.CardDenied, &vote
	return p, s, 1
}

// TestSecondPath: whoever has to walk the second path of the last one is called
// when nothing else moves, and told what to type; before, nobody is sent to it.
func TestSecondPath(t *testing.T) {
	p := several()
	last := rotation.Member{Secret: "UPSTASH_REDIS_REST_TOKEN", Second: true, Why: "It goes last, and by hand: type `rekey emergency UPSTASH_REDIS_REST_TOKEN`."}
	p.Parts = append(p.Parts, rotation.Part{Member: &last, Stand: rotation.Wanting})
	if m := Batch(p, nil, team); strings.Contains(m.Text, "second path") || !strings.Contains(batchNext(p), "approver decides") {
		t.Errorf("%s\n%s", m.Text, batchNext(p))
	}
	p.Parts = []rotation.Part{p.Parts[0], p.Parts[6]}
	if next := batchNext(p); !strings.Contains(next, "second path of the last one") {
		t.Errorf("%s", next)
	}
	for _, waits := range []bool{true, false} {
		last.Begun = !waits
		m := BatchTable(p, nil, "1 of 2 old keys are dead.", team)
		if called := strings.Contains(m.Text, team.Mention()); called != waits {
			t.Errorf("waits for people: %t, called: %t: %s", waits, called, m.Text)
		}
	}
	checkLimits(t, "table", BatchTable(p, nil, "Over.", team))
}
