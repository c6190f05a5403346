package signed_test

import (
	"strings"
	"testing"

	"rekey/bot/signed"
	"rekey/rotation"
)

// stopped is a rotation that stopped at a proof that cannot be had.
func (g *rig) stopped() {
	r := g.engine.r
	r.State, r.Card = rotation.Stuck, nil
	r.Plan, r.Cursor = []rotation.Step{{Act: rotation.Prove, Environment: rotation.Production}}, 0
	r.Problem = &rotation.Problem{
		Step: "prove(production)", Reason: "unreachable", What: "The application cannot be asked.", Safe: "Both keys work.",
		Next: "An approver may go on without it, by the button and with a reason.", Untold: true,
	}
}

// words is somebody's word in the place of the proof that is missing.
func (g *rig) words(name, reason string, change ...func(*signed.Statement)) signed.Answer {
	g.Helper()
	c, r := g.as(name), g.engine.r
	s := c.Fresh(signed.Statement{Act: signed.Override, Secret: r.Secret, Rotation: r.ID, Step: "prove(production)", Plan: r.PlanHash, Evidence: r.StopHash(), Reason: reason})
	for _, f := range change {
		f(&s)
	}
	return g.send(c, s)
}

// TestInstead: somebody's word in the place of a proof is taken with their reason,
// for the very stop that they were shown, and is bound to what they signed.
func TestInstead(t *testing.T) {
	g := newRig(t)
	g.says(g.words("bob", "its endpoint is off today"), true, "waits for nobody's word")
	g.stopped()
	status := g.send(g.as("carol"), g.as("carol").Fresh(signed.Statement{Act: signed.Status}))
	if len(status.Requests) != 1 {
		t.Fatalf("%+v", status)
	}
	q := status.Requests[0]
	if text := strings.Join(q.Words, "\n"); !q.Takes(signed.Override) || q.Takes(signed.Approve) || q.Evidence != g.engine.r.StopHash() || !strings.Contains(text, "cannot be asked") || !strings.Contains(text, "May break: ") {
		t.Errorf("%+v", q)
	}
	for name, change := range map[string]func(*signed.Statement){
		"another step":   func(s *signed.Statement) { s.Step = "prove(staging)" },
		"another plan":   func(s *signed.Statement) { s.Plan = strings.Repeat("b", 64) },
		"other evidence": func(s *signed.Statement) { s.Evidence = strings.Repeat("b", 64) },
		"another secret": func(s *signed.Statement) { s.Secret = "OTHER_KEY" },
	} {
		if a := g.words("bob", "its endpoint is off", change); !a.Failed || !strings.Contains(strings.Join(a.Lines, ""), "no longer the one") {
			t.Errorf("%s: %+v", name, a)
		}
	}
	g.says(g.words("carol", "its endpoint is off"), true, "You may not. `rekey status` tells.")
	if g.engine.took != nil {
		t.Fatalf("%+v was taken", g.engine.took)
	}
	g.says(g.words("bob", "its endpoint is off today"), false, "Taken")
	o := g.engine.took
	if o == nil || o.Reason != "its endpoint is off today" || o.Path != "command line" || o.Plan != g.engine.r.PlanHash || o.Stop != g.engine.r.StopHash() || o.By.ID != "T0ACME/"+bob || !strings.HasPrefix(o.By.Key, "SHA256:") || !o.Standing.Approver {
		t.Errorf("%+v", o)
	}
	kept, err := g.store.Decisions(t.Context(), g.engine.r.Key())
	if err != nil || !strings.Contains(string(kept["override/prove(production)/"+bob]), "BEGIN SSH SIGNATURE") {
		t.Errorf("%v; what was signed is not kept: %v", err, kept)
	}
}

// TestInsteadIsAskedAgain: whoever is taken out of the file while Rekey looks once
// more has no word any more.
func TestInsteadIsAskedAgain(t *testing.T) {
	g := newRig(t)
	g.stopped()
	g.engine.before = func() { g.allow("alice", "carol") }
	g.says(g.words("bob", "its endpoint is off today"), true, "You may not")
	g.engine.before = nil
	g.says(g.words("bob", "its endpoint is off today"), true, "not among the allowed signers")
	g.allow("bob")
	s := g.as("bob").Fresh(signed.Statement{Act: signed.Override, Secret: "FAL_KEY", Rotation: g.engine.r.ID, Step: "prove(production)", Plan: g.engine.r.PlanHash, Evidence: g.engine.r.StopHash(), Reason: "off"})
	g.says(g.send(g.as("bob"), s), false, "Taken")
	g.says(g.send(g.as("bob"), s), true, "taken before")
}
