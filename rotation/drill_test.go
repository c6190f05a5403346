package rotation

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"rekey/rotation/event"
)

func (g *rig) rehearse(e *Engine) (*Rotation, error) {
	return e.Start(g.t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Mode: Emergency, Drill: true, Reason: "a drill"})
}

// TestDrill: on a canary the whole path is gone, down to a key that is proved
// dead, and the report tells how long each step took.
func TestDrill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.configure = func(s *Subject) { s.Canary = true }
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r, err := g.rehearse(e)
		if err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded, Stuck)
		if r.State != Succeeded || !r.Drill || !r.OldDead() || r.ContainedIn() <= 0 {
			t.Fatalf("%s, %+v", r.State, r.Problem)
		}
		report := g.eventOf(r.Key(), event.Reported).Text
		for _, part := range []string{"This was a drill", "Time to containment: " + human(r.ContainedIn()).String(), "deploy(production) after", "approve after", "confirm dead after"} {
			if !strings.Contains(report, part) {
				t.Errorf("%q is not in %s", part, report)
			}
		}
	})
}

// TestDrillNeedsACanary: nobody rehearses on a key that somebody needs, and a
// drill takes over nothing.
func TestDrillNeedsACanary(t *testing.T) {
	for name, c := range map[string]struct {
		canary, open bool
		says         string
	}{
		"no canary": {says: "`canary: true`"},
		"open":      {canary: true, open: true, says: "takes over none"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.configure = func(s *Subject) { s.Canary = c.canary }
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				if c.open {
					g.until(e, g.start(e).Key(), Asking)
				}
				synctest.Wait()
				r, err := g.rehearse(e)
				var refusal *Refusal
				if !errors.As(err, &refusal) || !strings.Contains(refusal.Sentence, c.says) {
					t.Fatalf("%+v, %v", r, err)
				}
				if open, _ := e.Open(t.Context()); len(open) > 0 && open[0].Cell.Mode == Emergency || len(g.ended) > 0 {
					t.Errorf("%+v, ended %v", open, g.ended)
				}
			})
		})
	}
}
