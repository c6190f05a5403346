package rotation

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// TestApart: a credential for each environment. Both are named wherever one
// is spoken of, and staging's death is not taken for production's.
func TestApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.apart()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.before = func(call string, n int) error {
			if call == "end" && n == 2 {
				return fault.New("ending", fault.Forbidden, "")
			}
			return nil
		}
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		if r.OldDead() || !strings.Contains(r.Problem.Safe, "of staging is dead") || !slices.Equal(g.ended, []providers.ID{"key-olds"}) {
			t.Errorf("production's old key lives: dead %t, ended %v, told: %s", r.OldDead(), g.ended, r.Problem.Safe)
		}
		g.before = nil
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Succeeded)
		g.invariants(r)
		if !r.OldDead() || !slices.Equal(g.ended, []providers.ID{"key-olds", "key-old"}) {
			t.Errorf("dead %t, ended %v", r.OldDead(), g.ended)
		}
		named := 0
		for _, ev := range g.journal(r.Key()) {
			if ev.Kind == event.Card || ev.Kind == event.Reported {
				named++
				if !strings.Contains(ev.Text, "key-olds (staging) and key-old (production)") {
					t.Errorf("%s: %s", ev.Kind, ev.Text)
				}
			}
		}
		if named != 2 {
			t.Errorf("%d texts were looked at", named)
		}
	})
}

// TestPlaced: where each environment is an account of its own, the service is
// told for which one a credential is made.
func TestPlaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.apart()
		g.placed = true
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if !slices.Equal(g.places, []string{Staging, Production}) {
			t.Errorf("made for %v", g.places)
		}
		for env, p := range r.Places {
			if !strings.Contains(p.New.Label, "_"+env+"_") {
				t.Errorf("%s got the credential labelled %s", env, p.New.Label)
			}
		}
	})
}
