package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// turns are the worlds in which issuing kills the old credential.
var turns = map[string]struct {
	arrange func(*rig)
	issued  int
	enough  int // calls that repeat are moments of their own so often; 0 is no ground of crashes
}{
	"cutover, shared, paused":  {func(g *rig) { g.turning(providers.Cutover); g.pausing() }, 1, 1},
	"cutover, apart":           {func(g *rig) { g.turningApart(providers.Cutover) }, 2, 0},
	"cutover, by hand, paused": {func(g *rig) { g.turning(providers.Cutover); g.byPerson(); g.pausing() }, 1, 0},
	"cutover, by hand, apart":  {func(g *rig) { g.turningApart(providers.Cutover); g.byPerson(); g.pausing() }, 2, 1},
	"grace, shared":            {func(g *rig) { g.turning(providers.Grace) }, 1, 0},
	"grace, apart":             {func(g *rig) { g.turningApart(providers.Grace) }, 2, 2},
}

func TestTurn(t *testing.T) {
	t.Parallel()
	for name, ground := range turns {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				ground.arrange(g)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				if len(g.issued) > 0 || g.paused {
					t.Fatal("something was done before anybody approved")
				}
				if r.Card.Outage == "" || r.Cell.Shape == providers.Cutover && r.Gap.Rehearsed == 0 {
					t.Errorf("the card says %q after a rehearsal of %s", r.Card.Outage, r.Gap.Rehearsed)
				}
				g.approve(e, r)
				r = g.until(e, r.Key(), Succeeded, Stuck)
				g.turnedWell(r, ground.issued)
			})
		})
	}
}

// turnedWell holds a finished world against what must be true of it.
func (g *rig) turnedWell(r *Rotation, issued int) {
	g.t.Helper()
	if r.State != Succeeded {
		g.t.Fatalf("it is %s: %+v", r.State, r.Problem)
	}
	g.in(func() {
		if len(g.issued) != issued {
			g.t.Errorf("issued %v, want %d", g.issued, issued)
		}
		if g.paused {
			g.t.Error("the application's work is still paused")
		}
		if !r.OldDead() || len(g.keys) != issued {
			g.t.Errorf("the old one is dead: %t; keys %v", r.OldDead(), g.keys)
		}
		for _, env := range environments() {
			if n := len(g.vault[env]); n != 2 || g.running[env] != g.keys[g.holds[env]].value {
				g.t.Errorf("%s has %d versions and runs on %s, the account has %s", env, n, g.running[env], g.holds[env])
			}
		}
		if len(g.ended) > 0 || len(r.Loose) > 0 || len(g.inbox) > 0 {
			g.t.Errorf("ended %v, loose %v, inbox %v", g.ended, r.Loose, g.inbox)
		}
	})
	if cut := r.Cell.Shape == providers.Cutover; cut != (r.Gap.Length() > 0) || cut != r.Gap.Counted {
		g.t.Errorf("the gap is %+v", r.Gap)
	}
}

// TestTurnCrashAnywhere kills a replica at every moment of these plans.
func TestTurnCrashAnywhere(t *testing.T) {
	t.Parallel()
	for name, ground := range turns {
		t.Run(name, func(t *testing.T) {
			if ground.enough == 0 {
				t.Skip("its moments are among those of the others")
			}
			for _, c := range plotted(t, ground.arrange, ground.enough, ground.enough > 1) {
				t.Run(c.String(), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { surviveTurn(t, c, ground.arrange, ground.issued) })
				})
			}
		})
	}
}

func surviveTurn(t *testing.T, c crash, arrange func(*rig), issued int) {
	g := newRig(t)
	arrange(g)
	ctx, die := context.WithCancel(t.Context())
	defer die()
	died := false
	strike := func(call string, n int) error {
		if died || call != c.call || n != c.n {
			return nil
		}
		died = true
		die()
		return errReplicaDied
	}
	if c.after {
		g.after = strike
	} else {
		g.before = strike
	}
	commits := 0
	g.setup = func(cfg *Config) {
		cfg.Store = &tearing{cfg.Store, g, &commits, func(n int, done bool) error {
			if done != c.after {
				return nil
			}
			return strike("commit", n)
		}}
	}
	first := g.engine("first")
	r, err := first.Start(ctx, Order{Secret: "FAL_KEY", Requester: requester})
	if err != nil {
		if !died {
			t.Fatal(err)
		}
		return
	}
	defer g.run(ctx, first)()
	second := g.engine("second")
	context.AfterFunc(ctx, func() {
		if t.Context().Err() == nil {
			g.run(t.Context(), second)
		}
	})
	r = g.until(second, r.Key(), Asking, Stuck)
	if r.State == Stuck {
		t.Fatalf("stopped after a crash %s: %+v", c, r.Problem)
	}
	g.mark(true, approver, mayVote)
	for range 2 { // the first may be what dies
		if _, err := second.Consider(t.Context(), r.Key(), r.Card.Number, g.marks); err == nil {
			break
		}
	}
	r = g.until(second, r.Key(), Succeeded, Stuck)
	if !died {
		t.Fatalf("%s never came", c)
	}
	g.turnedWell(r, issued)
}

// TestTurnNotAllowed: a card that leads to nothing ends a rotation that has
// issued nothing.
func TestTurnNotAllowed(t *testing.T) {
	for name, act := range map[string]func(*rig, *Engine, *Rotation){
		"denied":    func(g *rig, e *Engine, r *Rotation) { g.mark(false, approver, mayVote); g.consider(e, r) },
		"expired":   func(g *rig, _ *Engine, r *Rotation) { pause(g.t.Context(), time.Until(r.Card.Expires)+time.Minute) },
		"cancelled": func(g *rig, e *Engine, r *Rotation) { _, _ = e.Cancel(g.t.Context(), "FAL_KEY", requester) },
		"void": func(g *rig, e *Engine, r *Rotation) {
			g.in(func() { g.marks = Marks{Why: "The message is gone."} })
			g.consider(e, r)
		},
	} {
		for _, shape := range []providers.Shape{providers.Cutover, providers.Grace} {
			t.Run(name+", "+string(shape), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newRig(t)
					g.turning(shape)
					g.pausing()
					e := g.engine("one")
					defer g.run(t.Context(), e)()
					r := g.until(e, g.start(e).Key(), Asking)
					act(g, e, r)
					r = g.until(e, r.Key(), Abandoned)
					if len(g.issued) > 0 || g.paused || !strings.Contains(r.Safe(), "Old key still valid. Nothing was changed.") {
						t.Errorf("issued %v, paused %t, says %q", g.issued, g.paused, r.Safe())
					}
					if _, err := e.Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester}); err != nil {
						t.Errorf("starting again: %v", err)
					}
				})
			})
		}
	}
}

// TestTurnVoid: whatever changes between the approval and the issue posts a
// new card, and the application's work goes on meanwhile.
func TestTurnVoid(t *testing.T) {
	for name, change := range map[string]func(*rig){
		"a version":    func(g *rig) { g.vault[Production] = append(g.vault[Production], version{value: oldValue}) },
		"withdrawn":    func(g *rig) { g.marks.Marks = nil },
		"not in use":   func(g *rig) { g.running[Staging] = "key-x:0000000000000000000000000000" },
		"refused here": func(g *rig) { delete(g.keys, "key-old") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.turning(providers.Cutover)
				g.pausing()
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				changed := false
				g.after = func(call string, _ int) error {
					if call == "status pause" && !changed {
						changed = true
						change(g)
					}
					return nil
				}
				g.approve(e, r)
				for range 400 {
					if r, _ = e.Load(t.Context(), r.Key()); r.State == Stuck || r.Card.State != CardApproved || r.Card.Number > 1 {
						break
					}
					pause(t.Context(), time.Second)
				}
				if !changed || len(g.issued) > 0 || r.Card.State == CardApproved && r.State != Stuck {
					t.Errorf("changed %t, issued %v, card %d, %s", changed, g.issued, r.Card.Number, r.State)
				}
				pause(t.Context(), time.Minute)
				g.in(func() {
					if g.paused {
						t.Error("the application's work is paused while people are waited for")
					}
				})
			})
		})
	}
}

// TestTurnLost: the answer to the one request that must not be repeated is
// lost, before or after it was carried out.
func TestTurnLost(t *testing.T) {
	t.Parallel()
	for _, shape := range []providers.Shape{providers.Cutover, providers.Grace} {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, carried out: %t", shape, done), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newRig(t)
					g.turning(shape)
					lose := func(call string, n int) error {
						if call == "issue" && n == 1 {
							return &fault.Error{Op: "issuing", Class: fault.Lost, Reason: fault.TimedOut}
						}
						return nil
					}
					if done {
						g.after = lose
					} else {
						g.before = lose
					}
					e := g.engine("one")
					defer g.run(t.Context(), e)()
					r := g.until(e, g.start(e).Key(), Asking)
					g.approve(e, r)
					r = g.until(e, r.Key(), Succeeded, Stuck)
					g.turnedWell(r, 1)
					if g.count("current") == 0 {
						t.Error("nothing was read back")
					}
				})
			})
		}
	}
}

// TestTurnStops: a rotation that stops in the middle of a cutover has the
// application's work go on, pauses it again when somebody goes on, and has no
// way back.
func TestTurnStops(t *testing.T) {
	t.Parallel()
	for _, hookFails := range []bool{false, true} {
		t.Run(fmt.Sprintf("the resume hook fails at first: %t", hookFails), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.turning(providers.Cutover)
				g.pausing()
				bad := true
				g.before = func(call string, n int) error {
					switch {
					case call == "status production" && bad && g.counts["issue"] > 0:
						return fault.New("deploying", fault.Failing, "")
					case call == "resume" && hookFails && n < 5:
						return &fault.Error{Op: "resuming", Class: fault.Again, Reason: fault.Unreachable}
					}
					return nil
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				g.approve(e, r)
				g.until(e, r.Key(), Stuck)
				pause(t.Context(), 10*time.Minute)
				g.in(func() {
					if g.paused {
						t.Error("the application's work is still paused")
					}
					bad = false
				})
				r, err := e.Cancel(t.Context(), "FAL_KEY", requester)
				if err != nil || r.State != Stuck || !strings.Contains(r.Problem.Next, "no way back") {
					t.Fatalf("cancelled: %v, %s, %+v", err, r.State, r.Problem)
				}
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				r = g.until(e, r.Key(), Succeeded)
				g.turnedWell(r, 1)
				if g.count("pause") < 2 {
					t.Error("the application's work was not paused again")
				}
			})
		})
	}
}

// TestTurnCancelWhilePaused: called off between the pause and the issue, it is
// over once the work goes on.
func TestTurnCancelWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Cutover)
		g.pausing()
		g.byPerson()
		g.person = func(string, int) {}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		for r.Errand == nil {
			pause(t.Context(), time.Second)
			r, _ = e.Load(t.Context(), r.Key())
		}
		if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Abandoned)
		if g.paused || len(g.issued) > 0 || g.told(r.Key(), "Do not replace the key") == 0 {
			t.Errorf("paused %t, issued %v", g.paused, g.issued)
		}
	})
}

// TestTurnByHandOnceReplaced: once the person has pressed the button nothing
// but the new key helps, and taking the approval back stops nothing.
func TestTurnByHandOnceReplaced(t *testing.T) {
	for _, pressed := range []bool{true, false} {
		t.Run(fmt.Sprintf("pressed: %t", pressed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.turning(providers.Cutover)
				g.byPerson()
				looks, value := 0, ""
				g.person = func(env string, _ int) {
					switch looks++; {
					case pressed && looks == 3:
						value = g.byConsole(env)
					case pressed && looks == 100:
						g.paste(env, value)
					}
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				g.approve(e, r)
				pause(t.Context(), time.Minute)
				g.unmark()
				pause(t.Context(), 2*time.Minute)
				r, _ = e.Load(t.Context(), r.Key())
				if !pressed {
					if r.State != Asking || r.Card.Number != 2 || g.told(r.Key(), "Do not replace the key") == 0 {
						t.Fatalf("after the approval was taken back it is %s with card %d", r.State, r.Card.Number)
					}
					return
				}
				if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				if r, _ = e.Load(t.Context(), r.Key()); r.State != Stuck {
					t.Fatalf("cancelled after the key was replaced, it is %s", r.State)
				}
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				r = g.until(e, r.Key(), Succeeded)
				g.turnedWell(r, 1)
				if r.Gap.Length() < 4*time.Minute || g.told(r.Key(), "the gap has begun") != 1 {
					t.Errorf("the gap is %s", r.Gap.Length())
				}
			})
		})
	}
}

// TestProbesWhileAPersonIsWaitedFor are spread ever thinner: a service may
// suspend an account that asks too often.
func TestProbesWhileAPersonIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Cutover)
		g.byPerson()
		g.person = func(string, int) {}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		before := g.count("probe")
		pause(t.Context(), 6*time.Hour)
		if n := g.count("probe") - before; n < 12 || n > 120 {
			t.Errorf("the old key was probed %d times in six hours", n)
		}
		if n := g.told(r.Key(), "Still waiting for the new key"); n < 4 || n > 12 {
			t.Errorf("people were reminded %d times in six hours", n)
		}
	})
}

// TestGracePages: an environment that is not proved in time is called out, in
// whatever state the rotation is, once.
func TestGracePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Grace)
		g.in(func() { g.misled[Production] = true })
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		pause(t.Context(), 10*time.Minute)
		if n := g.deadlines(r.Key()); n > 0 {
			t.Errorf("people were called %d times before the margin", n)
		}
		pause(t.Context(), 30*time.Minute)
		if n := g.deadlines(r.Key()); n != 1 {
			t.Errorf("people were called %d times", n)
		}
		g.in(func() { g.misled[Production] = false; g.running[Production] = g.vault[Production][1].value })
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.turnedWell(g.until(e, r.Key(), Succeeded), 1)
	})
}

func (g *rig) deadlines(key string) (n int) {
	for _, ev := range g.journal(key) {
		if ev.Kind == event.Deadline {
			n++
		}
	}
	return n
}

// TestGraceThatDoesNotEnd: a service that keeps accepting the old key after its
// deadline is a lasting duty, and people hear of it.
func TestGraceThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Grace)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		for g.count("issue") == 0 {
			pause(t.Context(), time.Second)
		}
		g.in(func() { g.doomed["key-old"] = time.Now().Add(3 * time.Hour) })
		pause(t.Context(), 2*time.Hour)
		r, _ = e.Load(t.Context(), r.Key())
		if s, _ := r.Step(); r.State != Running || s.Act != DurableProbe || g.told(r.Key(), "still accepted") == 0 {
			t.Fatalf("it is %s at %s", r.State, s)
		}
		g.turnedWell(g.until(e, r.Key(), Succeeded), 1)
	})
}

// TestCutoverThatDoesNotKill: the old key lives on, against what was thought;
// production is deployed without waiting for its death for ever.
func TestCutoverThatDoesNotKill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Cutover)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.after = func(call string, _ int) error {
			if call == "issue" {
				g.keys["key-old"] = key{"", oldValue}
				g.doomed["key-old"] = time.Now().Add(time.Hour)
			}
			return nil
		}
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		if r.Gap.Length() != 0 || !r.OldDead() || slices.Contains(g.touched, "end") {
			t.Errorf("gap %+v, dead %t", r.Gap, r.OldDead())
		}
	})
}

// TestTurnHeldWrite: the vault keeps the write of a new key for approval, when
// the old one is dead already. A person merges it, or turns it down, and then
// the value is read back and written again; it is never issued twice.
func TestTurnHeldWrite(t *testing.T) {
	t.Parallel()
	for _, merged := range []bool{true, false} {
		t.Run(fmt.Sprintf("merged: %t", merged), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.turning(providers.Cutover)
				g.pausing()
				g.before = func(call string, n int) error {
					if call == "write production" && n == 1 {
						return fault.New("writing", fault.HeldForApproval, "")
					}
					return nil
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				g.approve(e, r)
				for g.count("write production") == 0 {
					pause(t.Context(), time.Second)
				}
				pause(t.Context(), time.Minute)
				if merged {
					g.in(func() {
						fresh := g.credential(g.holds[Production]).Values["FAL_KEY"].Reveal()
						g.vault[Production] = append(g.vault[Production], version{value: fresh})
					})
				} else {
					if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); err != nil {
						t.Fatal(err)
					}
					r = g.until(e, r.Key(), Stuck)
					if strings.Contains(r.Safe(), "still valid") {
						t.Errorf("it says %q", r.Safe())
					}
					if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
						t.Fatal(err)
					}
				}
				g.turnedWell(g.until(e, r.Key(), Succeeded), 1)
			})
		})
	}
}

// TestTurnChangedByOther: somebody else writes the variable in the middle of a
// cutover. Nothing is overwritten, and a person is asked.
func TestTurnChangedByOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Cutover)
		g.pausing()
		g.after = func(call string, _ int) error {
			if call == "issue" {
				g.vault[Production] = append(g.vault[Production], version{value: "key-other:0000000000000000000000000000"})
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		pause(t.Context(), time.Minute)
		if len(g.vault[Production]) != 2 || g.paused || !strings.Contains(r.Problem.Text(), "somebody else") {
			t.Errorf("%d versions, paused %t: %s", len(g.vault[Production]), g.paused, r.Problem.Text())
		}
	})
}

// TestTurnNeitherListsNorEnds: plans in which issuing kills never list and
// never end anything at the service.
func TestTurnNeitherListsNorEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turningApart(providers.Grace)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		g.turnedWell(g.until(e, r.Key(), Succeeded), 2)
		for _, call := range []string{"list", "end", "disable"} {
			if slices.Contains(g.touched, call) {
				t.Errorf("the service was asked to %s", call)
			}
		}
	})
}

// TestTurnReplacedBeforeItWasAllowed: somebody presses the button while people
// are asked. The next card says so, and going on is what mends it.
func TestTurnReplacedBeforeItWasAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Cutover)
		g.byPerson()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		value := ""
		g.in(func() { value = g.byConsole(Production) })
		g.person = func(env string, polls int) {
			if polls == 2 {
				g.paste(env, value)
			}
		}
		g.approve(e, r)
		for r.Card.Number < 2 || r.State != Asking {
			if r.State == Stuck {
				t.Fatalf("stopped: %+v", r.Problem)
			}
			pause(t.Context(), time.Second)
			r, _ = e.Load(t.Context(), r.Key())
		}
		if r.Card.OldRefused == "" || strings.Contains(r.Safe(), "still valid") {
			t.Errorf("the card knows nothing of it: %+v; it says %q", r.Card, r.Safe())
		}
		g.consider(e, r)
		g.turnedWell(g.until(e, r.Key(), Succeeded), 1)
	})
}

// TestTurnNothingLeftToCancel: what is proved cannot be called off, and the
// proof of the death is not stopped.
func TestTurnNothingLeftToCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Grace)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		for {
			pause(t.Context(), time.Minute)
			r, _ = e.Load(t.Context(), r.Key())
			if s, _ := r.Step(); s.Act == DurableProbe {
				break
			}
		}
		_, err := e.Cancel(t.Context(), "FAL_KEY", requester)
		if refused, ok := errors.AsType[*Refusal](err); !ok || !strings.Contains(refused.Sentence, "nothing left to cancel") {
			t.Errorf("cancelled: %v", err)
		}
		g.turnedWell(g.until(e, r.Key(), Succeeded), 1)
	})
}
