package rotation

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
	"rekey/rotation/event"
)

// proved waits until the old key was proved dead.
func (g *rig) proved(e *Engine, id string) {
	g.t.Helper()
	for range 40 * 3600 {
		pass(time.Second)
		r, err := e.Load(g.t.Context(), id)
		if err != nil {
			g.t.Fatal(err)
		}
		if !r.ContainedAt().IsZero() {
			return
		}
	}
	g.t.Fatal("the old key was never proved dead")
}

// revives makes the service accept the old key again, right before it is asked
// for the first time since that was proved dead.
func (g *rig) revives(e *Engine, id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.keys["key-old"]
	g.before = func(call string, _ int) error {
		if now, err := e.Load(context.Background(), id); call == "probe" && err == nil && !now.ContainedAt().IsZero() && !now.SwitchedOff() {
			g.keys["key-old"], g.before = old, nil
			delete(g.off, "key-old")
			delete(g.doomed, "key-old")
		}
		return nil
	}
}

// TestRevivedKeyIsEndedAgain: a key that comes back to life after it was proved
// dead is noticed before the report, people are called once, and it is ended again
// under the approval that stands, in a routine rotation as in an emergency.
func TestRevivedKeyIsEndedAgain(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Routine, Emergency} {
		for _, world := range []string{"shared", "apart", "by hand, apart", "undo of end"} {
			t.Run(string(mode)+", "+world, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newRig(t)
					emergencies[world].arrange(g)
					g.mode = mode
					e := g.engine("one")
					defer g.run(t.Context(), e)()
					r := g.until(e, g.start(e).Key(), Asking)
					g.revives(e, r.Key())
					g.approve(e, r)
					r = g.until(e, r.Key(), Succeeded, Stuck)
					if r.State != Succeeded || !r.OldDead() || g.accepted("key-old") {
						t.Fatalf("%s, %+v; old key accepted: %t", r.State, r.Problem, g.accepted("key-old"))
					}
					if n := g.kinds(r.Key(), event.Revived); n != 1 || g.told(r.Key(), "had come back to life once") != 1 {
						t.Errorf("people were called %d times", n)
					}
				})
			})
		}
	}
}

// TestRevivedAfterItsSuccessor: nothing of Rekey's can end such a key again;
// people are called, and no report says that it is dead while it lives.
func TestRevivedAfterItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Grace)
		g.mode = Emergency
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.revives(e, r.Key())
		g.approve(e, r)
		pass(2 * time.Hour)
		if r, err := e.Load(t.Context(), r.Key()); err != nil || r.State != Running || r.OldDead() || g.kinds(r.Key(), event.Revived) != 1 {
			t.Fatalf("%+v, %v: called %d times", r, err, g.kinds(r.Key(), event.Revived))
		}
		g.mu.Lock()
		delete(g.keys, "key-old")
		g.mu.Unlock()
		if r = g.until(e, r.Key(), Succeeded); !r.OldDead() {
			t.Error("it is reported, and not dead")
		}
	})
}

// TestLastLookThatCannotBeMade: a service that no longer answers does not keep a
// rotation from its report, which says so.
func TestLastLookThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.cry(e).Key(), Asking)
		g.approve(e, r)
		g.proved(e, r.Key())
		g.mu.Lock()
		g.mute = true
		g.mu.Unlock()
		r = g.until(e, r.Key(), Succeeded, Stuck)
		if r.State != Succeeded || g.told(r.Key(), "could not be asked again") != 1 {
			t.Errorf("%s, %+v", r.State, r.Problem)
		}
	})
}
