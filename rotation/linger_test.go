package rotation

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// rooted is a kind whose successor is no safer than itself: in an emergency it
// is left for another.
type rooted struct{ mover }

func (r rooted) Traits() providers.Traits {
	t := r.mover.Traits()
	t.Kind, t.Shape, t.Guided, t.Moves, t.Lingers = "root key", providers.Grace, false, false, ""
	return t
}

func (r rooted) Urgent() providers.Kind { return r.mover }

type roots struct{ movers }

func (s roots) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	k, err := s.movers.Survey(ctx, current)
	if err != nil {
		return nil, err
	}
	return rooted{k.(mover)}, nil
}

// newRooted is a rig in which such a key has leaked.
func newRooted(t *testing.T) *rig {
	g := newRig(t)
	g.move()
	g.configure = func(s *Subject) { s.Shared, s.Provider = false, roots{movers{service{g}}} }
	marks := g.traits
	g.traits = func(tr *providers.Traits) { marks(tr); tr.Lingers = "Pause the environment" }
	g.mode = Emergency
	return g
}

// TestEmergencyThatDoesNotContain: a key that lives on after its end is said to,
// with until when and what people can do, as soon as all that Rekey can do was
// done; what is known is told then, and again when it is dead.
func TestEmergencyThatDoesNotContain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRooted(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if !r.Traits.Guided || !r.Cell.Lingers || len(g.ended) > 0 {
			t.Fatalf("%+v, ended %v", r.Cell, g.ended)
		}
		g.approve(e, r)
		pass(2 * time.Hour)
		r, err := e.Load(t.Context(), r.Key())
		if err != nil || r.State != Running || r.OldDead() || len(g.ended) != 1 || g.ended[0] != "key-old" {
			t.Fatalf("%v: %s, %+v; dead %t, ended %v", err, r.State, r.Problem, r.OldDead(), g.ended)
		}
		told := g.eventOf(r.Key(), event.Uncontained)
		if told.Facts["contained"] != "false" || told.Facts["old_key_dead_at"] != r.Dies().UTC().Format(time.RFC3339) || g.told(r.Key(), "Pause the environment") != 1 {
			t.Errorf("%+v", told)
		}
		if n := g.kinds(r.Key(), event.Audited); n != 1 || g.running[Production] == oldValue {
			t.Errorf("audited %d times; production runs on %q", n, g.running[Production])
		}
		r = g.untilLong(e, r.Key(), Succeeded)
		if !r.OldDead() || g.kinds(r.Key(), event.Audited) != 2 || g.told(r.Key(), "It was not contained by that") != 1 || g.told(r.Key(), "after the alarm") != 0 {
			t.Errorf("dead %t, audited %d times", r.OldDead(), g.kinds(r.Key(), event.Audited))
		}
		if took := r.Ended.Sub(r.Started); took < linger || len(g.vault[Staging]) != 1 {
			t.Errorf("proved after %s; staging has %d versions", took, len(g.vault[Staging]))
		}
	})
}

// TestLingersOverALostAnswer: an end whose answer is lost is asked for once more.
// People are told all the same that it is not contained, the key is left alone
// until it dies, and nothing is watched or audited anew meanwhile.
func TestLingersOverALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRooted(t)
		g.after = func(call string, n int) error {
			if call == "end" && n == 1 {
				return &fault.Error{Op: "ending", Class: fault.Lost, Reason: fault.TimedOut}
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		pass(2 * time.Hour)
		r, err := e.Load(t.Context(), r.Key())
		told := g.eventOf(r.Key(), event.Uncontained)
		if err != nil || told.Facts["old_key_dead_at"] != r.Dies().UTC().Format(time.RFC3339) || g.count("end") != 2 {
			t.Errorf("%v, ended %d times, told %+v", err, g.count("end"), told)
		}
		r = g.untilLong(e, r.Key(), Succeeded)
		if verdicts := g.kinds(r.Key(), event.Verdict); g.count("end") != 2 || verdicts != 1 || g.kinds(r.Key(), event.Audited) != 2 || r.Ended.Before(r.Dies()) {
			t.Errorf("ended %d times, %d verdicts, over at %s, dead at %s", g.count("end"), verdicts, r.Ended, r.Dies())
		}
	})
}
