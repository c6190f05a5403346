package rotation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/state"
)

// returns are the kinds of world in which a rotation turns around.
var returns = map[string]struct {
	enough  int
	arrange func(*rig)
}{
	"shared":             {2, func(*rig) {}},
	"apart":              {1, (*rig).apart},
	"undo of end":        {1, func(g *rig) { g.traits = func(t *providers.Traits) { t.UndoOfEnd = true } }},
	"undo of end, apart": {1, func(g *rig) { g.apart(); g.traits = func(t *providers.Traits) { t.UndoOfEnd = true } }},
	"unnamed, apart":     {1, func(g *rig) { g.apart(); g.nameless() }},
	"emergency":          {1, func(g *rig) { g.mode = Emergency }},
	"emergency, apart":   {1, func(g *rig) { g.mode = Emergency; g.apart() }},
}

// rollBack asks for a rollback, again while an act is under way.
func (g *rig) rollBack(e *Engine) (*Rotation, error) {
	g.t.Helper()
	for range 20 {
		r, err := e.Rollback(g.t.Context(), "fal_key", requester)
		if !refusedAs(err, Busy) {
			return r, err
		}
	}
	g.t.Fatal("the rotation is busy for ever")
	return nil, nil
}

// begun is what the world's environments ran on before anything happened.
func (g *rig) begun() map[string]string { return maps.Clone(g.running) }

// asBefore holds that the world is as it was: every environment, the vault and
// the service.
func (g *rig) asBefore(r *Rotation, before map[string]string) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for env, value := range before {
		if got := g.vault[env][len(g.vault[env])-1].value; got != value || g.running[env] != value {
			g.t.Errorf("%s: the vault holds %s and the application runs on %s", env, got, g.running[env])
		}
	}
	for id := range g.keys {
		// Only a person can end it, and was told: by its name, or where its creation
		// was never answered and it has none, by its time.
		left := r.Back != nil && named(r.Back.Left, id) || r.Traits.Unnamed && !strings.HasPrefix(g.running[Production]+g.running[Staging], string(id))
		if !strings.HasPrefix(string(id), "key-old") && !left || g.off[id] {
			g.t.Errorf("%s lives, is switched off: %t", id, g.off[id])
		}
	}
	if len(g.keys) == 0 || r.OldDead() {
		g.t.Errorf("keys %v, old dead %t", g.keys, r.OldDead())
	}
	for _, id := range g.ended {
		if strings.HasPrefix(string(id), "key-old") {
			g.t.Errorf("an old key was ended: %v", g.ended)
		}
	}
}

// TestRollback: at the request for approval, before anything was ended.
func TestRollback(t *testing.T) {
	t.Parallel()
	for name, ground := range returns {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				ground.arrange(g)
				before := g.begun()
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				versions := len(g.vault[Production])
				if _, err := g.rollBack(e); err != nil {
					t.Fatal(err)
				}
				r = g.until(e, r.Key(), Succeeded, Stuck)
				if r.State != Succeeded {
					t.Fatalf("%s: %+v", r.State, r.Problem)
				}
				g.asBefore(r, before)
				if n := len(g.vault[Production]); n != versions+1 {
					t.Errorf("production has %d versions, and had %d", n, versions)
				}
				if g.told(r.Key(), "Going back to the old key") != 1 || g.told(r.Key(), "Rolled back in") != 1 || r.Card.State != CardVoid {
					t.Errorf("card %s, told %v", r.Card.State, g.journal(r.Key()))
				}
				if leaked := g.told(r.Key(), "is not contained") == 1; leaked != (g.mode == Emergency) {
					t.Errorf("a leaked key is in use again: said %t", leaked)
				}
				if !strings.HasPrefix(r.Safe(), "The application runs on the old key.") {
					t.Error(r.Safe())
				}
			})
		})
	}
}

// TestRollbackAnywhere asks for a rollback after a replica died at each moment of
// a rotation: before and after each call to the outside, and each commit. Either
// everything is as it was, or the end of the old key was asked for and it goes
// forward.
func TestRollbackAnywhere(t *testing.T) {
	long(t)
	for name, ground := range returns {
		t.Run(name, func(t *testing.T) {
			for i, c := range plotted(t, ground.arrange, ground.enough, false) {
				if i%3 != 0 && name != "shared" {
					continue // what is particular to them is met by a part
				}
				t.Run(c.String(), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { turnsAt(t, c, ground.arrange) })
				})
			}
		})
	}
}

// dyingBefore is a world whose first replica dies at a moment; second goes on.
func dyingBefore(t *testing.T, c crash, arrange func(*rig)) (g *rig, key string, second *Engine) {
	g = newRig(t)
	arrange(g)
	ctx, die := context.WithCancel(t.Context())
	g.strikes(c, die)
	first := g.engine("first")
	r, err := first.Start(ctx, g.order())
	if err != nil {
		die()
		return g, "", nil
	}
	stop := g.run(ctx, first)
	for range 4000 {
		if ctx.Err() != nil {
			break
		}
		if r, err := first.Load(t.Context(), r.Key()); err == nil && r.State == Asking {
			g.approve(first, r)
		}
		pass(time.Second)
	}
	if ctx.Err() == nil {
		t.Errorf("%s never came", c)
	}
	die()
	stop()
	return g, r.Key(), g.engine("second")
}

// strikes has a replica die at a moment, once.
func (g *rig) strikes(c crash, die func()) {
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
}

func turnsAt(t *testing.T, c crash, arrange func(*rig)) {
	before := beginning(t, arrange)
	g, key, e := dyingBefore(t, c, arrange)
	if e == nil {
		return // nothing was stored
	}
	_, err := g.rollBack(e)
	for range 3 { // a service that may list late, a write that people have to look for
		if !refusedAs(err, NotNow) {
			break
		}
		pass(time.Minute)
		if _, err := e.Cancel(t.Context(), "fal_key", requester); err == nil {
			break
		}
		_, err = g.rollBack(e)
	}
	if r, err := e.Load(t.Context(), key); err != nil || r.State == Abandoned {
		g.asBefore(r, before)
		return
	}
	stop := g.run(t.Context(), e)
	defer func() { pass(time.Second); stop() }()
	for range 20 {
		r := g.until(e, key, Succeeded, Abandoned, Stuck, Pending, Asking)
		switch {
		case r.State.Final() && (r.State == Abandoned || r.Cell.Mode == Rollback):
			g.asBefore(r, before)
			return
		case r.State == Succeeded:
			if len(g.ended) == 0 || !r.OldDead() {
				t.Errorf("it went forward, and ended %v", g.ended)
			}
			g.invariants(r)
			return
		case r.State == Asking:
			g.approve(e, r)
		case len(r.Ends) > 0:
			t.Fatalf("%s after the end was asked for: %+v", r.State, r.Problem)
		case r.Cell.Mode == Rollback:
			t.Fatalf("the way back stopped: %+v", r.Problem)
		default:
			if _, err := g.rollBack(e); err != nil {
				_, _ = e.Cancel(t.Context(), "fal_key", requester)
			}
		}
	}
	t.Error("it comes to no end")
}

// beginning is what a world's environments run on before anything happened.
func beginning(t *testing.T, arrange func(*rig)) map[string]string {
	g := newRig(t)
	arrange(g)
	return g.begun()
}

// turned is a world that has begun to go back, with nobody driving it.
func turnedBack(t *testing.T, arrange func(*rig)) (*rig, *Rotation) {
	t.Helper()
	g := newRig(t)
	arrange(g)
	e := g.engine("zero")
	stop := g.run(t.Context(), e)
	r := g.until(e, g.start(e).Key(), Asking)
	stop()
	if _, err := g.rollBack(e); err != nil {
		t.Fatal(err)
	}
	g.touched, g.counts = nil, make(map[string]int)
	return g, r
}

// wayBack lists the calls of an undisturbed way back.
func wayBack(t *testing.T, arrange func(*rig)) (calls []string, commits int) {
	synctest.Test(t, func(t *testing.T) {
		g, r := turnedBack(t, arrange)
		g.store.Fail = func(string, state.Change) error { commits++; return nil }
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		g.until(e, r.Key(), Succeeded)
		calls = slices.Clone(g.touched)
	})
	return calls, commits
}

// TestCrashOnTheWayBack kills a replica at each moment of a rollback.
func TestCrashOnTheWayBack(t *testing.T) {
	long(t)
	for name, ground := range returns {
		t.Run(name, func(t *testing.T) {
			for i, c := range backMoments(t, ground.arrange) {
				if i%(3*stride()) != 0 && name != "shared" {
					continue
				}
				t.Run(c.String(), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						before := beginning(t, ground.arrange)
						g, r := turnedBack(t, ground.arrange)
						ctx, die := context.WithCancel(t.Context())
						g.strikes(c, die)
						defer g.run(ctx, g.engine("first"))()
						second := g.engine("second")
						context.AfterFunc(ctx, func() {
							if t.Context().Err() == nil {
								g.run(t.Context(), second)
							}
						})
						r = g.until(second, r.Key(), Succeeded, Stuck)
						if r.State != Succeeded || ctx.Err() == nil {
							t.Fatalf("%s: %+v; died: %t", r.State, r.Problem, ctx.Err() != nil)
						}
						g.asBefore(r, before)
						die()
					})
				})
			}
		})
	}
}

func backMoments(t *testing.T, arrange func(*rig)) (all []crash) {
	calls, commits := wayBack(t, arrange)
	seen := make(map[string]int)
	for _, call := range calls {
		if seen[call]++; seen[call] <= 2 {
			all = append(all, crash{call, seen[call], false}, crash{call, seen[call], true})
		}
	}
	for n := 1; n <= commits; n++ {
		all = append(all, crash{"commit", n, false}, crash{"commit", n, true})
	}
	return all
}

// TestFaultsOnTheWayBack fails each call of a rollback for good: it stops, calls
// people with the state of every environment, ends nothing that is in use, and
// goes on when they say so.
func TestFaultsOnTheWayBack(t *testing.T) {
	long(t)
	for name, ground := range returns {
		t.Run(name, func(t *testing.T) {
			calls, _ := wayBack(t, ground.arrange)
			slices.Sort(calls)
			for _, call := range slices.Compact(calls) {
				for how, err := range map[string]error{
					"down": again(fault.ServerError), "refused": fault.New("testing", fault.Forbidden, ""),
					"lost": &fault.Error{Op: "testing", Class: fault.Lost, Reason: fault.TimedOut},
				} {
					t.Run(call+" "+how, func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							g, r := turnedBack(t, ground.arrange)
							g.stopsAt(r, call, err, beginning(t, ground.arrange))
						})
					})
				}
			}
		})
	}
}

func (g *rig) stopsAt(r *Rotation, call string, err error, before map[string]string) {
	t := g.t
	after := errors.Is(err, fault.Of(err)) && fault.Of(err).Class == fault.Lost
	broken := true
	strike := func(c string, _ int) error {
		if broken && c == call {
			return err
		}
		return nil
	}
	if after {
		g.after = strike
	} else {
		g.before = strike
	}
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	pass(2 * time.Hour)
	r = g.until(e, r.Key(), Stuck, Running, Succeeded)
	if r.State != Succeeded {
		g.invariants(r)
	}
	if r.State == Stuck {
		p, safe := r.Problem, "Old key still valid."
		if p != nil && (call == "probe" || !strings.Contains(p.Safe, safe)) { // who wanted to look could not
			safe = untellable
		}
		if p == nil || !strings.Contains(p.Safe, safe) || !strings.Contains(p.Safe, "Production") || !strings.Contains(p.Next, "/rotate retry") {
			t.Errorf("the page says %+v", p)
		}
	}
	if call != "end" && call != "list" && r.State != Succeeded && len(g.ended) > 0 {
		t.Errorf("ended %v before everything was proved", g.ended)
	}
	if r.State == Running && call != "end" && call != "list" {
		t.Errorf("nobody was called: %s", g.until(e, r.Key(), Running).Safe())
	}
	g.in(func() { broken = false })
	if r.State == Stuck {
		if _, err := e.Retry(t.Context(), "fal_key", requester); err != nil {
			t.Fatal(err)
		}
	}
	r = g.until(e, r.Key(), Succeeded, Stuck)
	if r.State != Succeeded {
		t.Fatalf("%+v", r.Problem)
	}
	g.asBefore(r, before)
}

// everything turns a rotation around by itself.
var everything = AutoRollback{Verify: true, Deploy: true, Prove: true, Watch: true}

func (g *rig) auto(which AutoRollback) {
	before := g.configure
	g.configure = func(s *Subject) {
		if before != nil {
			before(s)
		}
		s.Policy.Rollback = which
	}
}

// failures turn a rotation around where the policy says so, and each is the only
// one of its kind.
var failures = map[string]struct {
	policy  AutoRollback
	arrange func(*rig)
	at      string // where it turns
}{
	"the service does not accept the new key": {AutoRollback{Verify: true}, func(g *rig) { g.deafTo("key-new") }, "issue(staging)"},
	"staging's deployment fails":              {AutoRollback{Deploy: true}, func(g *rig) { g.failing("deploy staging", 1) }, "deploy(staging)"},
	"production's deployment fails":           {AutoRollback{Deploy: true}, func(g *rig) { g.failing("deploy production", 1) }, "deploy(production)"},
	"staging does not take the new key":       {AutoRollback{Prove: true}, func(g *rig) { g.misled[Staging] = true }, "prove(staging)"},
	"production does not take the new key":    {AutoRollback{Prove: true}, func(g *rig) { g.misled[Production] = true }, "prove(production)"},
	"the application fails while watched": {AutoRollback{Watch: true}, func(g *rig) {
		g.measure = func(deploy.Window) deploy.Measurement {
			if g.running[Production] == oldValue {
				return deploy.Measurement{Outcome: deploy.OK, Requests: 100}
			}
			return deploy.Measurement{Outcome: deploy.Bad, Hard: true, Value: 1, Requests: 50, Detail: "401"}
		}
	}, "watch"},
}

// failing has the nth deployment of an environment fail.
func (g *rig) failing(call string, n int) {
	g.after = func(c string, count int) error {
		if c == call && count == n {
			for id, phase := range g.deploys {
				if phase == deploy.Running {
					g.deploys[id] = deploy.Failed
				}
			}
		}
		return nil
	}
}

// deafTo is a service that refuses keys whose id begins so.
func (g *rig) deafTo(prefix string) {
	g.before = func(c string, _ int) error {
		for id := range g.keys {
			if strings.HasPrefix(string(id), prefix) {
				g.off[id] = true
			}
		}
		return nil
	}
}

func TestTurnsAroundByItself(t *testing.T) {
	t.Parallel()
	for name, f := range failures {
		for _, apart := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", apart"}[apart], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newRig(t)
					if apart {
						g.apart()
					}
					f.arrange(g)
					g.auto(f.policy)
					before := g.begun()
					e := g.engine("one")
					defer g.run(t.Context(), e)()
					r := g.until(e, g.start(e).Key(), Succeeded, Stuck)
					if r.State != Succeeded || r.Back == nil || r.Back.Step != f.at {
						t.Fatalf("%s, turned %+v, problem %+v", r.State, r.Back, r.Problem)
					}
					g.asBefore(r, before)
					called := slices.ContainsFunc(g.journal(r.Key()), func(ev event.Event) bool { return ev.Kind == event.TurnedBack && ev.Urgent() && ev.By == "" })
					if !called || g.told(r.Key(), "by itself, as the policy of this secret says") != 1 {
						t.Error("nobody was called")
					}
				})
			})
		}
	}
}

// TestStaysWherePolicySaysSo: each failure stops and asks where the policy names
// only the others, and always in an emergency.
func TestStaysWherePolicySaysSo(t *testing.T) {
	for name, f := range failures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				f.arrange(g)
				g.auto(AutoRollback{!f.policy.Verify, !f.policy.Deploy, !f.policy.Prove, !f.policy.Watch})
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				if r := g.until(e, g.start(e).Key(), Succeeded, Stuck); r.State != Stuck || r.Back != nil {
					t.Errorf("%s: %+v", r.State, r.Back)
				}
			})
		})
	}
	t.Run("emergency", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			g.mode, g.misled[Production] = Emergency, true
			g.auto(everything)
			e := g.engine("one")
			defer g.run(t.Context(), e)()
			if r := g.until(e, g.start(e).Key(), Stuck); r.Back != nil {
				t.Error("a leaked key was gone back to by itself")
			}
		})
	})
}

// TestNoWayBackToADeadKey: somebody ended the old key by other means. It stops and
// pages, and by word of a person it is refused with the way forward.
func TestNoWayBackToADeadKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		failures["the application fails while watched"].arrange(g)
		g.auto(everything)
		g.after = func(c string, _ int) error {
			if c == "write production" {
				delete(g.keys, "key-old")
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Stuck)
		_, err := g.rollBack(e)
		if r.Back != nil || !refusedAs(err, NotNow) || !strings.Contains(err.Error(), "Go forward") {
			t.Errorf("%+v, %v", r.Back, err)
		}
	})
}

// TestNoWayBackAfterTheEnd is refused with the way forward, at the end and over.
func TestNoWayBackAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		for r = g.until(e, r.Key(), Running); len(r.Ends) == 0; r = g.until(e, r.Key(), Running) {
			pass(time.Second)
		}
		if _, err := g.rollBack(e); !refusedAs(err, NotNow) || !strings.Contains(err.Error(), "Go forward") {
			t.Error(err)
		}
		g.until(e, r.Key(), Succeeded)
		if _, err := g.rollBack(e); !refusedAs(err, NoRotation) || !strings.Contains(err.Error(), "nothing to go back to") {
			t.Error(err)
		}
	})
}

// TestNothingStartsGoingBack: a rollback is a turn, never a beginning.
func TestNothingStartsGoingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		_, err := g.engine("one").Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Mode: Rollback})
		if !refusedAs(err, NotPlannable) || len(g.touched) > 0 {
			t.Errorf("%v, touched %v", err, g.touched)
		}
	})
}

// TestSwitchedOnBeforeTheWayBack: what was only switched off lives again first.
func TestSwitchedOnBeforeTheWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := withSwitch(t)
		before := g.begun()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.untilOff(e)
		if _, err := g.rollBack(e); err != nil || g.count("enable") != 1 {
			t.Fatalf("%v, switched on %d times", err, g.count("enable"))
		}
		r = g.until(e, r.Key(), Succeeded, Stuck)
		g.asBefore(r, before)
		if on, write := slices.Index(g.touched, "enable"), len(g.touched)-1-slices.Index(reversed(g.touched), "write production"); on > write {
			t.Error("the old value was restored before it lived")
		}
	})
}

func reversed(all []string) []string {
	all = slices.Clone(all)
	slices.Reverse(all)
	return all
}

// TestGoesBackWithoutAJournal: the store is gone at the very commit that would
// turn the rotation around. The old value is restored all the same, and told as
// soon as the store is back.
func TestGoesBackWithoutAJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		before := g.begun()
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		stop()
		gone := true
		g.store.Fail = func(string, state.Change) error {
			if gone {
				return errors.New("connection refused")
			}
			return nil
		}
		if _, err := g.rollBack(e); err == nil {
			t.Error("nobody was told that it is not stored")
		}
		for _, env := range environments() {
			if got := g.vault[env][len(g.vault[env])-1].value; got != before[env] {
				t.Errorf("%s holds %s", env, got)
			}
		}
		gone = false
		if _, err := g.rollBack(e); err != nil {
			t.Fatal(err)
		}
		defer g.run(t.Context(), e)()
		g.asBefore(g.until(e, r.Key(), Succeeded), before)
	})
}

// TestEmergencyOvertakesARollback: on the way back the key turns out to have
// leaked. What was restored gets the new key once more, and the old one dies.
func TestEmergencyOvertakesARollback(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*rig){"shared": func(*rig) {}, "apart": (*rig).apart} {
		calls, _ := wayBack(t, arrange)
		slices.Sort(calls)
		for _, call := range slices.Compact(calls) {
			t.Run(name+" at "+call, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g, r := turnedBack(t, arrange)
					ctx, die := context.WithCancel(t.Context())
					g.strikes(crash{call, 1, true}, die)
					stop := g.run(ctx, g.engine("first"))
					<-ctx.Done()
					stop()
					e := g.engine("second")
					for range 20 {
						_, err := e.Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Mode: Emergency, Reason: "it is on github"})
						if err == nil {
							break
						}
						if !refusedAs(err, Busy) {
							t.Fatal(err)
						}
					}
					defer g.run(t.Context(), e)()
					r = g.until(e, r.Key(), Asking, Stuck)
					if r.State == Stuck {
						t.Fatalf("%+v", r.Problem)
					}
					for r.State == Asking { // again, where staging comes back only after the end of production's
						g.unmark()
						g.approve(e, r)
						r = g.until(e, r.Key(), Succeeded, Stuck, Asking)
					}
					another := slices.Contains([]string{"end", "list"}, call)
					if r.State != Succeeded || !r.OldDead() || !another && len(g.issued) > len(r.Places) {
						t.Fatalf("%s %+v, old dead %t, issued %v", r.State, r.Problem, r.OldDead(), g.issued)
					}
					g.invariants(r)
					for _, env := range environments() {
						if !r.Cell.Shared && env == Staging && len(r.Places) == 1 {
							continue // it was back on a key of its own, which did not leak
						}
						if strings.HasPrefix(g.running[env], "key-old:") || g.vault[env][len(g.vault[env])-1].value != g.running[env] {
							t.Errorf("%s runs on %s", env, g.running[env])
						}
					}
				})
			})
		}
	}
}

// TestRestoredValueIsNotYoung: what was restored is as old as it was.
func TestRestoredValueIsNotYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		made := time.Now()
		g.vault[Production][0].made = made
		pass(100 * 24 * time.Hour)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if _, err := g.rollBack(e); err != nil {
			t.Fatal(err)
		}
		g.until(e, r.Key(), Succeeded)
		age, _, err := e.age(t.Context(), g.subject())
		if err != nil || age.Since.Sub(made).Abs() > time.Second {
			t.Errorf("since %s, made %s: %v", age.Since, made, err)
		}
	})
}
