package rotation

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
	"rekey/rotation/event"
)

// cryIn begins an emergency of one environment's own credential.
func (g *rig) cryIn(e *Engine, env string) (*Rotation, error) {
	return e.Start(g.t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Mode: Emergency, Reason: "it is on github", Environment: env})
}

// stagings are the kinds of services at which staging's own credential leaks.
var stagings = map[string]func(*rig){
	"overlap":  (*rig).apart,
	"one key":  func(g *rig) { g.turningApart(providers.Cutover); g.pausing() },
	"grace":    func(g *rig) { g.turningApart(providers.Grace) },
	"by hand":  func(g *rig) { g.console(); g.apart() },
	"undoable": func(g *rig) { g.apart(); g.traits = func(t *providers.Traits) { t.UndoOfEnd = true } },
}

// TestStagingLeaked: everything is about staging, production is not touched, and
// people read so.
func TestStagingLeaked(t *testing.T) {
	for name, arrange := range stagings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				arrange(g)
				g.swapped()
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r, err := g.cryIn(e, Staging)
				if err != nil {
					t.Fatal(err)
				}
				r = g.until(e, r.Key(), Asking)
				if r.Old().ID != "key-old" || r.Other() != Production || strings.Contains(r.Safe(), "roduction") {
					t.Errorf("about %s, other %q, %s", r.Old().ID, r.Other(), r.Safe())
				}
				g.approve(e, r)
				if r = g.until(e, r.Key(), Succeeded, Stuck); r.State != Succeeded {
					t.Fatalf("%+v", r.Problem)
				}
				if g.told(r.Key(), "Production has a key of its own, which was left alone.") != 1 || g.told(r.Key(), "--env production what happened") != 1 {
					t.Error("the report does not say what was left alone")
				}
				if v := g.vault[Production]; len(v) != 1 || g.running[Production] != v[0].value || g.running[Staging] == oldValue || r.ContainedAt().IsZero() {
					t.Errorf("production has %d versions and runs on %q, staging on %q", len(v), g.running[Production], g.running[Staging])
				}
				for _, call := range g.touched {
					if strings.HasSuffix(call, " production") && !strings.HasPrefix(call, "read ") || call == "pause" {
						t.Errorf("%s", call)
					}
				}
				for _, ev := range g.journal(r.Key()) {
					if ev.Kind == event.Watching && !strings.Contains(ev.Text, "Watching staging") || strings.Contains(ev.Text, "Watched production") {
						t.Error(ev.Text)
					}
				}
			})
		})
	}
}

// TestWhoseKeyLeaked: what cannot be meant is refused with the reason, and
// staging's key never ends while production holds it.
func TestWhoseKeyLeaked(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*rig)
		env     string
		says    string
	}{
		"shared":             {func(*rig) {}, Staging, "one key for staging and production"},
		"shared, production": {func(*rig) {}, Production, "one key for staging and production"},
		"nowhere":            {(*rig).apart, "preview", "There are two environments"},
		"the same after all": {func(g *rig) {
			g.apart()
			g.vault[Production] = g.vault[Staging]
		}, Staging, "hold the same value"},
		"deaf production": {func(g *rig) { g.apart(); g.before = deaf(Production) }, Staging, "could not be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				c.arrange(g)
				e := g.engine("one")
				r, err := g.cryIn(e, c.env)
				var refusal *Refusal
				if !errors.As(err, &refusal) || !strings.Contains(refusal.Sentence, c.says) {
					t.Errorf("%+v, %v", r, err)
				}
				if len(g.issued) > 0 {
					t.Error("a key was made")
				}
			})
		})
	}
}

// TestProductionTookItMeanwhile: the key that leaked in staging is production's by
// the time people have agreed to its end: it does not end.
func TestProductionTookItMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.apart()
		g.swapped()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r, err := g.cryIn(e, Staging)
		if err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking)
		g.in(func() { g.vault[Production] = append(g.vault[Production], version{value: oldValue}) })
		g.approve(e, r)
		pass(time.Minute)
		if len(g.ended) > 0 || g.told(r.Key(), "production holds the very key that would end") != 1 {
			t.Errorf("ended %v", g.ended)
		}
	})
}

// TestStagingOvertakes: a routine rotation becomes an emergency of staging alone as
// long as nothing was begun in production, and else one of both.
func TestStagingOvertakes(t *testing.T) {
	for at, alone := range map[string]bool{"issue": true, "deploy " + Staging: true, "deploy " + Production: false, "probe": false} {
		t.Run(at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { overtakenIn(t, at, alone) })
		})
	}
}

func overtakenIn(t *testing.T, at string, alone bool) {
	g := newRig(t)
	g.apart()
	g.swapped()
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	r := g.start(e)
	if at == "probe" {
		r = g.until(e, r.Key(), Asking)
	}
	for reached := false; !reached && at != "probe"; pass(100 * time.Millisecond) {
		g.in(func() { reached = g.counts[at] > 0 })
		if now, err := e.Load(t.Context(), r.Key()); err != nil || now.State != Running {
			t.Fatalf("%s never came: %+v, %v", at, now, err)
		}
	}
	r, err := g.cryIn(e, Staging)
	if err != nil {
		t.Fatal(err)
	}
	if r.Cell.OnlyStaging != alone || alone != (r.Other() == Production) {
		t.Fatalf("%s: %v", r.Cell, names(r.Plan))
	}
	g.approve(e, g.until(e, r.Key(), Asking))
	r = g.until(e, r.Key(), Succeeded, Stuck, Pending)
	if r.State != Succeeded || !slices.Contains(g.ended, "key-old") || slices.Contains(g.ended, "key-olds") == alone {
		t.Errorf("%s, %+v, ended %v", r.State, r.Problem, g.ended)
	}
	if runs := g.running[Production]; (runs == "key-olds:0123456789abcdef0123456789") != alone || g.running[Staging] == oldValue {
		t.Errorf("production runs on %q, staging on %q", runs, g.running[Staging])
	}
}
