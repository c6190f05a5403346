package rotation

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// mortals are the worlds whose old key dies by itself after its successor was made.
var mortals = map[string]struct {
	arrange func(*rig)
	issued  int
}{
	"shared": {func(g *rig) { g.turning(providers.Grace) }, 1},
	"apart":  {func(g *rig) { g.turningApart(providers.Grace) }, 2},
}

// watched is a rotation in such a world that has come to its watch.
func (g *rig) watched(e *Engine) *Rotation {
	g.t.Helper()
	r := g.until(e, g.start(e).Key(), Asking)
	g.approve(e, r)
	return g.stepping(e, r.Key(), Watch)
}

// stepping waits for an act.
func (g *rig) stepping(e *Engine, key string, act Act) *Rotation {
	g.t.Helper()
	for range 800 {
		r, err := e.Load(g.t.Context(), key)
		if err != nil {
			g.t.Fatal(err)
		}
		if s, _ := r.Step(); s.Act == act {
			return r
		}
		pass(time.Second)
	}
	g.t.Fatalf("it does not come to %s", act)
	return nil
}

// calls counts what people heard, by kind.
func (g *rig) calls(key string, kind event.Kind) (n int) {
	for _, ev := range g.journal(key) {
		if ev.Kind == kind && ev.Urgent() {
			n++
		}
	}
	return n
}

// onOld holds that the application is back on its old keys, which live, and that
// the service's present ones do, too.
func (g *rig) onOld(r *Rotation, before map[string]string) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expire()
	for env, value := range before {
		id, _, _ := strings.Cut(value, ":")
		if got := g.vault[env][len(g.vault[env])-1].value; got != value || g.running[env] != value || !g.accepted(providers.ID(id)) {
			g.t.Errorf("%s: the vault holds %s, the application runs on %s", env, got, g.running[env])
		}
	}
	for _, id := range g.issued {
		if !g.accepted(id) {
			g.t.Errorf("%s, the service's present key, is dead", id)
		}
	}
	p := r.Problem
	if r.State != Stuck || p == nil || p.Reason != rolledBack || !strings.Contains(p.Safe, "dies by itself at") || !strings.Contains(p.Next, "`/rotate retry FAL_KEY`") {
		g.t.Errorf("%s, and people read %+v", r.State, p)
	}
}

// onNew holds that a rotation which went back and forth has come to its end.
func (g *rig) onNew(r *Rotation, issued int) {
	g.t.Helper()
	if r.State != Succeeded || !r.OldDead() || r.Back != nil {
		g.t.Fatalf("it is %s, the old one is dead: %t: %+v", r.State, r.OldDead(), r.Problem)
	}
	g.in(func() {
		for _, env := range environments() {
			now := g.keys[g.holds[env]].value
			if g.running[env] != now || g.vault[env][len(g.vault[env])-1].value != now {
				g.t.Errorf("%s runs on %s, the account has %s", env, g.running[env], now)
			}
		}
		if len(g.issued) != issued || len(g.keys) != issued || len(g.ended) > 0 {
			g.t.Errorf("issued %v, ended %v, alive are %v", g.issued, g.ended, g.keys)
		}
	})
}

// TestGraceGoesBackAndForth: the old key is gone back to with its last hour on it,
// and gone from again before that.
func TestGraceGoesBackAndForth(t *testing.T) {
	for name, m := range mortals {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				m.arrange(g)
				before := g.begun()
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.watched(e)
				if _, err := g.rollBack(e); err != nil {
					t.Fatal(err)
				}
				r = g.until(e, r.Key(), Stuck)
				g.onOld(r, before)
				if note := g.vault[Production][len(g.vault[Production])-1].note; note[noteExpires] != r.TurnOf(Production).Dies.UTC().Format(time.RFC3339) {
					t.Errorf("the vault is told that it lives until %q", note[noteExpires])
				}
				if _, err := g.rollBack(e); !refusedAs(err, NotNow) || !strings.Contains(err.Error(), "It went back already.") {
					t.Errorf("once more: %v", err)
				}
				if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); !refusedAs(err, NotNow) {
					t.Errorf("cancelling: %v", err)
				}
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				r = g.until(e, r.Key(), Succeeded, Stuck, Asking)
				g.onNew(r, m.issued)
				if note := g.vault[Production][len(g.vault[Production])-1].note; note[noteExpires] != "never" {
					t.Errorf("the vault is told that the new one lives until %q", note[noteExpires])
				}
				if g.calls(r.Key(), event.Deadline) > 0 || g.calls(r.Key(), event.Dwindling) == 0 || len(g.issued) != m.issued {
					t.Errorf("issued %v; journal %v", g.issued, g.journal(r.Key()))
				}
			})
		})
	}
}

// TestGraceOnBorrowedTime: nobody goes forward. People are reminded ever more
// often, called at the margin and at the death, and it goes forward even then.
func TestGraceOnBorrowedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turningApart(providers.Grace)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.watched(e)
		if _, err := g.rollBack(e); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Stuck)
		dies := r.dies()
		pass(time.Until(dies.Add(-6 * time.Minute)))
		if n := g.calls(r.Key(), event.Dwindling); n < 3 || n > mostReminders+1 || g.calls(r.Key(), event.Deadline) != 0 {
			t.Errorf("told %d times before the margin", n)
		}
		pass(4 * time.Minute)
		if n := g.calls(r.Key(), event.Deadline); n != 2 || g.told(r.Key(), "There is no more time to wait") != 2 { // for each environment

			t.Errorf("called %d times at the margin", n)
		}
		pass(4 * time.Minute)
		r, _ = e.Load(t.Context(), r.Key())
		if n := g.calls(r.Key(), event.Deadline); n != 4 || !strings.Contains(r.Safe(), "died by itself at") || strings.Contains(r.Problem.Safe, "whatever happens") {
			t.Errorf("called %d times; safe: %s", n, r.Problem.Safe)
		}
		pass(24 * time.Hour)
		if n := g.calls(r.Key(), event.Deadline); n != 4 {
			t.Errorf("called %d times a day later", n)
		}
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.onNew(g.until(e, r.Key(), Succeeded, Stuck), 2)
	})
}

// TestTooLateToGoBack is refused with the way forward, and so is going on with a
// way back that the margin has overtaken.
func TestTooLateToGoBack(t *testing.T) {
	t.Run("to begin with", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			g.turningApart(providers.Grace)
			g.misled[Production] = true
			e := g.engine("one")
			defer g.run(t.Context(), e)()
			r := g.until(e, g.start(e).Key(), Asking)
			g.approve(e, r)
			g.until(e, r.Key(), Stuck)
			pass(26 * time.Minute)
			writes := len(g.vault[Production])
			_, err := g.rollBack(e)
			if !refusedAs(err, NotNow) || !strings.Contains(err.Error(), "Go forward") || len(g.vault[Production]) != writes {
				t.Error(err)
			}
		})
	})
	t.Run("on the way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			g.turningApart(providers.Grace)
			e := g.engine("one")
			defer g.run(t.Context(), e)()
			r := g.watched(e)
			broken := true
			g.in(func() {
				g.before = func(call string, _ int) error {
					if broken && call == "write staging" {
						return fault.New("writing", fault.Forbidden, "")
					}
					return nil
				}
			})
			if _, err := g.rollBack(e); err != nil {
				t.Fatal(err)
			}
			r = g.until(e, r.Key(), Stuck)
			if !strings.Contains(r.Problem.Next, "gives it up") || !strings.Contains(r.Problem.Safe, "Staging: the vault still holds the new key.") {
				t.Errorf("%+v", r.Problem)
			}
			pass(26 * time.Minute)
			g.in(func() { broken = false })
			if _, err := g.rollBack(e); !refusedAs(err, NotNow) || !strings.Contains(err.Error(), "Go forward") {
				t.Error(err)
			}
			if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
				t.Fatal(err)
			}
			g.onNew(g.until(e, r.Key(), Succeeded, Stuck), 2)
		})
	})
}

// TestTheMarginComesMeanwhile: production's deployment on the way back takes so long
// that staging's turn would come too late. It is left on the new key.
func TestTheMarginComesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turningApart(providers.Grace)
		was := g.traits
		g.traits = func(tr *providers.Traits) { was(tr); tr.Waits.Margin = 20 * time.Minute }
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.watched(e)
		phase := func(from, to deploy.Phase) {
			for id, p := range g.deploys {
				if p == from {
					g.deploys[id] = to
				}
			}
		}
		g.in(func() {
			g.after = func(call string, _ int) error {
				if call == "deploy production" {
					phase(deploy.Running, deploy.Queued)
				}
				return nil
			}
		})
		if _, err := g.rollBack(e); err != nil {
			t.Fatal(err)
		}
		pass(12 * time.Minute)
		g.in(func() { phase(deploy.Queued, deploy.Running); g.after = nil })
		r = g.until(e, r.Key(), Stuck)
		if step, _ := r.Step(); step != (Step{Restore, Staging}) || len(g.vault[Staging]) != 2 || r.Problem.Reason != string(fault.TooLate) || !strings.Contains(r.Problem.Next, "goes forward") {
			t.Errorf("at %s staging has %d versions: %+v", step, len(g.vault[Staging]), r.Problem)
		}
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.onNew(g.until(e, r.Key(), Succeeded, Stuck), 2)
	})
}

// TestAStopSaysThatThereIsAWayBack, as long as there is one.
func TestAStopSaysThatThereIsAWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turningApart(providers.Grace)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		g.stepping(e, r.Key(), Deploy)
		if r, err := e.Cancel(t.Context(), "FAL_KEY", requester); err != nil || !strings.Contains(r.Problem.Next, "`/rotate rollback FAL_KEY` goes back to the old key") {
			t.Errorf("%v: %+v", err, r)
		}
		pass(26 * time.Minute)
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		if r, err := e.Cancel(t.Context(), "FAL_KEY", requester); err != nil || !strings.Contains(r.Problem.Next, "There is no way back") {
			t.Errorf("%v: %+v", err, r)
		}
	})
}

// TestAWayBackIsGivenUp, and taken up again, or gone from forward.
func TestAWayBackIsGivenUp(t *testing.T) {
	for _, onwards := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			g.turningApart(providers.Grace)
			before := g.begun()
			e := g.engine("one")
			defer g.run(t.Context(), e)()
			r := g.watched(e)
			g.in(func() { g.misled[Production] = true })
			if _, err := g.rollBack(e); err != nil {
				t.Fatal(err)
			}
			r = g.until(e, r.Key(), Stuck)
			g.in(func() { g.misled[Production] = false })
			if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); err != nil {
				t.Fatal(err)
			}
			if onwards {
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				g.onNew(g.until(e, r.Key(), Succeeded, Stuck), 2)
				return
			}
			if _, err := g.rollBack(e); err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
			r = g.until(e, r.Key(), Stuck)
			g.in(func() { g.running[Production] = before[Production] }) // somebody deployed it
			if r.Problem.Reason != rolledBack {
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				pass(time.Minute)
				r = g.until(e, r.Key(), Stuck)
			}
			g.onOld(r, before)
		})
	}
}

// TestStagingAloneGoesBack: production has its own key, which nothing was done to,
// and people are asked again before it is.
func TestStagingAloneGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turningApart(providers.Grace)
		g.misled[Staging] = true
		before := g.begun()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		g.in(func() { g.misled[Staging] = false })
		if _, err := g.rollBack(e); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Stuck)
		g.onOld(r, before)
		if len(g.vault[Production]) != 1 || !strings.Contains(r.Safe(), "Production was not changed.") {
			t.Error(r.Safe())
		}
		g.unmark()
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking, Stuck)
		if r.State != Asking || len(g.issued) != 1 {
			t.Fatalf("%s %+v, issued %v", r.State, r.Problem, g.issued)
		}
		g.approve(e, r)
		g.onNew(g.until(e, r.Key(), Succeeded, Stuck), 2)
	})
}

// TestGraceTurnsByItself for an application that fails, and for nothing else.
func TestGraceTurnsByItself(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*rig)
		turns   bool
	}{
		"the application fails while watched": {failures["the application fails while watched"].arrange, true},
		"production fails on the new key": {func(g *rig) {
			g.after = func(call string, _ int) error {
				if call == "status production" {
					if g.needs[Production] = "nothing"; g.running[Production] == oldValue {
						delete(g.needs, Production)
					}
				}
				return nil
			}
		}, true},
		"production does not take the new key": {func(g *rig) { g.misled[Production] = true }, false},
		"a deployment fails":                   {func(g *rig) { g.failing("deploy production", 1) }, false},
		"it could not be measured": {func(g *rig) {
			g.measure = func(deploy.Window) deploy.Measurement {
				return deploy.Measurement{Outcome: deploy.Error, Detail: "503"}
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.turningApart(providers.Grace)
				before := g.begun()
				g.auto(everything)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				c.arrange(g)
				g.approve(e, r)
				r = g.until(e, r.Key(), Stuck)
				if turned := r.Cell.Mode == Rollback; turned != c.turns {
					t.Fatalf("it turned around: %t: %+v", turned, r.Problem)
				}
				if c.turns {
					g.onOld(r, before)
				}
			})
		})
	}
}

// TestNothingWrittenNothingRestored: the service has made another key, and no
// environment holds it.
func TestNothingWrittenNothingRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turningApart(providers.Grace)
		g.before = func(call string, _ int) error {
			if call == "write staging" {
				return fault.New("writing", fault.Forbidden, "")
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		g.until(e, r.Key(), Stuck)
		if _, err := g.rollBack(e); err != nil {
			t.Fatal(err)
		}
		g.in(func() { g.before = nil })
		r = g.until(e, r.Key(), Stuck)
		if r.Cell.Mode != Routine || !strings.Contains(r.Problem.Next, "retry") {
			t.Errorf("%s: %+v", r.Cell.Mode, r.Problem)
		}
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.unmark()
		g.approve(e, g.until(e, r.Key(), Asking))
		g.onNew(g.until(e, r.Key(), Succeeded, Stuck), 2)
	})
}
