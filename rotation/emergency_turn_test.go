package rotation

import (
	"testing"
	"testing/synctest"

	"rekey/providers"
)

// TestEmergencyTurn: where issuing kills the old credential, people approve
// first and nothing is rehearsed; only production is touched, unless both
// environments stand on the same key.
func TestEmergencyTurn(t *testing.T) {
	t.Parallel()
	for name, ground := range turns {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				ground.arrange(g)
				g.mode = Emergency
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				if r.Card.Outage == "" || r.Gap.Rehearsed != 0 || len(g.issued) > 0 {
					t.Errorf("the card says %q; rehearsed %s, issued %v", r.Card.Outage, r.Gap.Rehearsed, g.issued)
				}
				g.approve(e, r)
				r = g.until(e, r.Key(), Succeeded, Stuck)
				if r.State != Succeeded || !r.OldDead() || r.ContainedAt().IsZero() || len(g.issued) != 1 {
					t.Fatalf("%s, %+v; old dead %t, issued %v", r.State, r.Problem, r.OldDead(), g.issued)
				}
				touched := len(g.vault[Staging]) > 1
				if touched != r.Cell.Shared || g.paused {
					t.Errorf("staging was touched: %t; shared: %t; paused: %t", touched, r.Cell.Shared, g.paused)
				}
				for _, env := range environments() {
					if !g.accepted(g.holds[env]) || g.running[env] != g.keys[g.holds[env]].value {
						t.Errorf("%s runs on %s", env, g.running[env])
					}
				}
				if dead := r.Cell.Shape == providers.Cutover; dead && g.told(r.Key(), "after the alarm") != 1 {
					t.Error("the report does not say when it was contained")
				}
			})
		})
	}
}

// TestEmergencySigning: production's signing key alone is replaced, without
// waiting for tokens to run out: the card says who is signed out.
func TestEmergencySigning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.mode = Emergency
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.until(e, s.start(e).Key(), Asking)
		s.approve(e, r)
		r = s.until(e, r.Key(), Succeeded, Stuck)
		if r.State != Succeeded || !r.OldDead() || len(r.Places) != 1 {
			t.Fatalf("%s, %+v; old dead %t", r.State, r.Problem, r.OldDead())
		}
		// What an audit reads is masked with every value there was, and not left out.
		if _, err := (&run{e: e, subject: e.subjects[r.Secret], r: r}).spoken(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
