package rotation

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/event"
)

// rootKind is a kind of which each environment has one key: making its successor
// lets it live for a day, and in an emergency it is left for keys that people make.
type rootKind struct{ rooted }

func (k rootKind) Traits() providers.Traits {
	t := k.rooted.Traits()
	t.Waits.ProbeFirst, t.Waits.Margin, t.Waits.ProbeAfter = 0, time.Hour, 5*time.Minute
	return t
}

func (k rootKind) IssueIn(_ context.Context, env, _ string) (c providers.Credential, err error) {
	err = k.g.effect("issue", func() error {
		old := k.g.holds[env]
		was := k.g.keys[old]
		id := k.g.replaceKey(env, "by hand")
		k.g.keys[old], k.g.doomed[old] = was, time.Now().Add(linger)
		c = k.g.rootOf(id)
		return nil
	})
	return c, err
}

func (k rootKind) Current(_ context.Context, env string) (c providers.Credential, err error) {
	err = k.g.effect("current", func() error { c = k.g.rootOf(k.g.holds[env]); return nil })
	return c, err
}

func (g *rig) rootOf(id providers.ID) providers.Credential {
	return providers.Credential{ID: id, Values: providers.Values{"FAL_KEY": secret.New(g.keys[id].value)}}
}

// rootService finds such keys, and goes on with either kind.
type rootService struct{ movers }

func (s rootService) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	_, err := s.service.Survey(ctx, current)
	return s.root(), err
}

func (s rootService) root() providers.Kind { return rootKind{rooted{s.kind().(mover)}} }

func (s rootService) Continue(_ context.Context, t providers.Traits, _ map[string]providers.Values) (providers.Kind, error) {
	err := s.g.effect("continue", func() error { return nil })
	if t.Kind == "root key" {
		return s.root(), err
	}
	return s.kind(), err
}

// rootFlight is a routine rotation of such a key.
func rootFlight(t *testing.T) *flight {
	g := newRooted(t)
	g.mode = Routine
	g.holds = map[string]providers.ID{Staging: "key-olds", Production: "key-old"}
	g.configure = func(s *Subject) { s.Shared, s.Provider = false, rootService{movers{service{g}}} }
	return &flight{rig: g, secret: "FAL_KEY", over: g.leftRoots}
}

// leftRoots holds what must be true when the application has left such keys: the
// leaked one was replaced once, and production runs on a key that a person made.
func (g *rig) leftRoots(r *Rotation) {
	g.t.Helper()
	roots, told := 0, g.kinds(r.Key(), event.Uncontained)
	g.in(func() {
		g.expire()
		for _, id := range append(g.issued, g.ended...) {
			if g.keys[id].label == "by hand" || id == "key-old" {
				roots++
			}
		}
		if len(g.ended) > 1 || g.accepted("key-old") || g.keys[g.holds[Production]].label == "by hand" && g.running[Production] == g.keys[g.holds[Production]].value {
			g.t.Errorf("ended %v; the old key lives: %t; production runs on %s", g.ended, g.accepted("key-old"), g.running[Production])
		}
		if replaced := g.holds[Production] != "key-old"; replaced == (len(g.ended) == 1) {
			g.t.Errorf("the root was replaced by the routine: %t, by the emergency: %v", replaced, g.ended)
		}
		for _, env := range environments() {
			live := false
			for id, k := range g.keys {
				live = live || k.value == g.running[env] && g.accepted(id)
			}
			if !live || g.vault[env][len(g.vault[env])-1].value != g.running[env] {
				g.t.Errorf("%s runs on %s, which lives: %t", env, g.running[env], live)
			}
		}
	})
	if told > 1 || told == 0 && r.Alarmed.Before(r.Dies()) {
		g.t.Errorf("that it is not contained was told %d times", told)
	}
	if left := r.Places[Production].Left; left.ID != "" && g.told(r.Key(), "replace it once more at") != 1 {
		g.t.Errorf("nobody was told of %s", left.ID)
	}
}

// TestEmergencyOvertakesARoot: the successor was made hours ago and production runs
// on it, when the old one turns out to have leaked. It is not replaced again: the
// application leaves both, people hear until when the old one lives, and of what
// nobody uses any more.
func TestEmergencyOvertakesARoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := rootFlight(t)
		e := f.engine("one")
		defer f.run(t.Context(), e)()
		r, err := e.Start(t.Context(), f.order(Routine))
		if err != nil {
			t.Fatal(err)
		}
		r = f.until(e, r.Key(), Asking)
		f.approve(e, r)
		pass(3 * time.Hour)
		dies := f.loaded(e, r.Key()).TurnOf(Production).Dies
		r = f.cries(e)
		if r.Cell.Shape != providers.Overlap || !r.Cell.Lingers || !r.Dies().Equal(dies) {
			t.Fatalf("%+v; it dies at %s, not %s", r.Cell, r.Dies(), dies)
		}
		told := f.eventOf(r.Key(), event.Uncontained)
		if told.Facts["old_key_dead_at"] != dies.UTC().Format(time.RFC3339) || told.Facts["contained"] != "false" || f.told(r.Key(), "Pause the environment") != 1 {
			t.Errorf("%+v", told)
		}
		pass(2 * time.Hour)
		if now := f.loaded(e, r.Key()); f.running[Production] == f.keys[f.holds[Production]].value || now.OldDead() || f.kinds(r.Key(), event.Audited) != 1 {
			t.Errorf("production runs on %s; dead %t", f.running[Production], now.OldDead())
		}
		r = f.untilLong(e, r.Key(), Succeeded)
		if len(f.ended) != 0 || !r.OldDead() || r.Ended.Before(dies) || f.kinds(r.Key(), event.Audited) != 2 {
			t.Errorf("ended %v, dead %t, over at %s", f.ended, r.OldDead(), r.Ended)
		}
		f.over(r)
	})
}
