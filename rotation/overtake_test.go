package rotation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// flight is a routine rotation in the middle of which somebody cries for help.
type flight struct {
	*rig
	secret string
	over   func(*Rotation) // what must be true in the end
	dies   crash           // of whoever goes on with the emergency; "" is nobody
}

// flights are the worlds by whose shape an emergency could not simply begin anew.
func flights() map[string]func(*testing.T) *flight {
	all := map[string]func(*testing.T) *flight{"signing keys": func(t *testing.T) *flight {
		s := newSigners(t)
		return &flight{rig: s.rig, secret: "JWT_SECRET", over: s.contained}
	}, "root keys": rootFlight}
	for name, ground := range turns {
		all[name] = func(t *testing.T) *flight {
			g := newRig(t)
			ground.arrange(g)
			return &flight{rig: g, secret: "FAL_KEY", over: g.turnedOnce}
		}
	}
	return all
}

func (f *flight) order(mode Mode) Order {
	o := Order{Secret: f.secret, Requester: requester, Mode: mode}
	if mode == Emergency {
		// Whoever cries is whoever approved before: on such a day nobody else is awake.
		o.Requester, o.Reason = approver, "it is on github"
	}
	return o
}

// goes waits for a rotation and has people approve whatever they are asked, until
// it has come to an end or ctx has.
func (f *flight) goes(ctx context.Context, e *Engine, key string) *Rotation {
	f.t.Helper()
	for range 3000 {
		r := f.loaded(e, key)
		switch r.State {
		case Asking:
			f.unmark()
			f.mark(true, Person{ID: "T1/U3", Name: "Eve"}, mayVote)
			f.mark(true, approver, mayVote)
			_, _ = e.Consider(f.t.Context(), key, r.Card.Number, f.marks)
		case Succeeded, Stuck, Abandoned, Pending:
			return r
		}
		if ctx.Err() != nil {
			return r
		}
		pass(min(max(time.Until(r.Wake), 2*time.Second), 5*time.Minute))
	}
	last := f.loaded(e, key)
	step, _ := last.Step()
	f.t.Fatalf("it comes to no end at %s of %v: %s, %+v", step, names(last.Plan), last.State, last.Errand)
	return nil
}

// inFlight lists the calls of an undisturbed rotation: the first and the second of
// each, before and after its effect.
func inFlight(t *testing.T, world func(*testing.T) *flight) (all []crash) {
	synctest.Test(t, func(t *testing.T) {
		f := world(t)
		e := f.engine("one")
		defer f.run(t.Context(), e)()
		r, err := e.Start(t.Context(), f.order(Routine))
		if err != nil {
			t.Fatal(err)
		}
		if r = f.goes(t.Context(), e, r.Key()); r.State != Succeeded {
			t.Fatalf("%s: %+v", r.State, r.Problem)
		}
		seen := make(map[string]int)
		for _, call := range f.touched[len(startsWith(f.touched)):] {
			if seen[call]++; seen[call] <= 2 {
				all = append(all, crash{call, seen[call], false}, crash{call, seen[call], true})
			}
		}
	})
	return all
}

// startsWith are the calls of a survey, in which there is no rotation yet.
func startsWith(touched []string) []string {
	return touched[:slices.Index(touched, "survey")+1]
}

// TestEmergencyOvertakesEveryShape: a replica dies at a moment of a routine
// rotation, and somebody cries. There is one rotation, the leaked key dies under an
// approval, no key is made without need, and none is left over.
func TestEmergencyOvertakesEveryShape(t *testing.T) {
	for name, world := range flights() {
		for i, c := range inFlight(t, world) {
			if i%(5*stride()) != 0 && !*wholeBadDay {
				continue
			}
			t.Run(name+", "+c.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { overtakenAt(t, world(t), c) })
			})
		}
	}
}

func overtakenAt(t *testing.T, f *flight, c crash) {
	ctx, die := context.WithCancel(t.Context())
	defer die()
	f.strikes(c, die)
	first := f.engine("first")
	r, err := first.Start(ctx, f.order(Routine))
	if err != nil {
		return // it died before there was anything
	}
	stop := f.run(ctx, first)
	second := f.engine("second")
	before := f.goes(ctx, second, r.Key())
	stop()
	if before.State.Final() {
		return
	}
	made := f.count("issue")
	cry := f.cries(second)
	if cry.Key() != r.Key() || f.kinds(r.Key(), event.Overtaken) != 1 {
		t.Fatalf("another rotation runs beside the first: %s and %s", cry.Key(), r.Key())
	}
	f.killed(second, r.Key())
	defer f.run(t.Context(), second)()
	pass(time.Second)
	r = f.goes(t.Context(), second, r.Key())
	if p := r.Problem; p != nil && p.Reason == string(fault.Unsettled) && strings.Contains(p.Next, "retry") {
		if !r.OldDead() && len(r.Ends) == 0 {
			t.Error("production waited for staging")
		}
		if _, err := second.Retry(t.Context(), f.secret, requester); err != nil {
			t.Fatal(err)
		}
		r = f.goes(t.Context(), second, r.Key())
	}
	if r.State != Succeeded || r.Cell.Mode != Emergency || !r.OldDead() {
		t.Fatalf("made %d before; it is %s: %+v; old dead %t, plan %v", made, r.State, r.Problem, r.OldDead(), names(r.Plan))
	}
	if n := f.kinds(r.Key(), event.Reported); n != 1 || f.kinds(r.Key(), event.Audited) == 0 || r.Alarmed.IsZero() || r.Reason == "" {
		t.Errorf("reported %d times, audited %d times, alarmed at %s", n, f.kinds(r.Key(), event.Audited), r.Alarmed)
	}
	f.allowed(r.Key())
	f.over(r)
}

// killed goes on with the emergency until whoever does so dies.
func (f *flight) killed(e *Engine, key string) {
	if f.dies.call == "" {
		return
	}
	ctx, die := context.WithCancel(f.t.Context())
	defer die()
	f.dies.n = f.count(f.dies.call) + 1
	f.strikes(f.dies, die)
	third := f.engine("third")
	stop := f.run(ctx, third)
	f.goes(ctx, e, key)
	stop()
}

// cries calls an emergency, again while somebody is in the middle of an act.
func (f *flight) cries(e *Engine) *Rotation {
	f.t.Helper()
	f.in(func() { f.mode = Emergency }) // from here on people are signed out
	for range 20 {
		r, err := e.Start(f.t.Context(), f.order(Emergency))
		if err == nil {
			return r
		}
		var refusal *Refusal
		switch {
		case refusedAs(err, Busy):
		case errors.As(err, &refusal) && strings.Contains(refusal.Sentence, "turn down what waits there, `/rotate cancel "+f.secret+"`, and cry again"):
			if _, err := e.Cancel(f.t.Context(), f.secret, requester); err != nil {
				f.t.Fatal(err)
			}
		default:
			f.t.Fatalf("%v: %+v", err, refusal)
		}
	}
	f.t.Fatal("it is busy for too long")
	return nil
}

// allowed holds that nothing which ends a key was begun before people approved.
func (f *flight) allowed(key string) {
	f.t.Helper()
	allowed := false
	for _, ev := range f.journal(key) {
		allowed = allowed || ev.Kind == event.Approved
		ends := strings.HasPrefix(ev.Step, string(End)) || f.turns != "" && strings.HasPrefix(ev.Step, string(Issue))
		if ev.Kind == event.Intent && ends && !allowed {
			f.t.Errorf("%s was begun before anybody approved", ev.Step)
		}
	}
}

// contained holds what must be true of signing keys: production's is another one,
// and whatever was made for staging is in use there.
func (s *signers) contained(r *Rotation) {
	s.t.Helper()
	s.in(func() {
		for _, env := range environments() {
			keys := s.projects[env]
			if _, there := r.Places[env]; !there {
				if len(keys) != 1 || len(s.stored[env]["JWT_SECRET"]) != 1 {
					s.t.Errorf("%s has nothing to do with it and was touched: %d keys", env, len(keys))
				}
				continue
			}
			if len(keys) != 2 || keys[0].status != spent || keys[1].status != inUse {
				s.t.Errorf("keys of %s: %+v %+v of %d", env, keys[0], keys[len(keys)-1], len(keys))
				continue
			}
			if prev, now := s.now(env, "JWT_SECRET_PREVIOUS"), s.now(env, "JWT_SECRET"); prev != now || now != keys[1].value {
				s.t.Errorf("the vault of %s holds %q and %q; the service signs with %q", env, now, prev, keys[1].value)
			}
			if s.admits(env, keys[0].value) || !s.admits(env, keys[1].value) {
				s.t.Errorf("the application in %s lets the old in or keeps the new out", env)
			}
		}
	})
}

// turnedOnce holds what must be true where issuing kills: one new key at most for
// each account, in use where the account is.
func (g *rig) turnedOnce(r *Rotation) {
	g.t.Helper()
	g.in(func() {
		g.expire()
		if g.paused || len(g.inbox) > 0 || len(g.issued) > len(r.Places) || len(g.keys) > 2 {
			g.t.Errorf("paused %t, inbox %v, issued %v, keys %v", g.paused, g.inbox, g.issued, g.keys)
		}
		for _, env := range environments() {
			if id := g.holds[env]; !g.accepted(id) || g.running[env] != g.keys[id].value {
				g.t.Errorf("%s runs on %s and has %s", env, g.running[env], id)
			}
		}
		if g.accepted("key-old") {
			g.t.Error("the old key lives")
		}
	})
}

// TestOvertakenAndKilled: a replica dies at a moment of the emergency that took a
// rotation over.
func TestOvertakenAndKilled(t *testing.T) {
	again := []string{"read " + Production, "write " + Production, "issue", "inspect", "activate " + Production, "deploy " + Production, "attest " + Production,
		"end " + Production, "probe", "write " + Staging, "deploy " + Staging, "pause", "resume", "marks"}
	for name, world := range flights() {
		for i, c := range inFlight(t, world) {
			if i%(11*stride()) != 3 && !*wholeBadDay {
				continue
			}
			call := again[i%len(again)]
			t.Run(name+", "+c.String()+", then "+call, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := world(t)
					f.dies = crash{call: call, after: i%2 == 0}
					overtakenAt(t, f, c)
				})
			})
		}
	}
}

// TestEmergencyOvertakesARequest: people are asked for the routine's approval, and
// somebody cries: that request is void, and who was paused is not kept waiting.
func TestEmergencyOvertakesARequest(t *testing.T) {
	for name, world := range flights() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := world(t)
				e := f.engine("one")
				defer f.run(t.Context(), e)()
				r, err := e.Start(t.Context(), f.order(Routine))
				if err != nil {
					t.Fatal(err)
				}
				for r.State != Asking {
					pass(10 * time.Second)
					r = f.loaded(e, r.Key())
				}
				asked := r.Card.Number
				f.cries(e)
				if r = f.goes(t.Context(), e, r.Key()); r.State != Succeeded || r.Card.Number == asked || !r.OldDead() {
					t.Fatalf("%s on request %d: %+v", r.State, r.Card.Number, r.Problem)
				}
				f.allowed(r.Key())
				f.over(r)
			})
		})
	}
}

// TestEmergencyOvertakesAStop: the new key was made, the deployment fails, and
// somebody cries that the old one has leaked: it is dead already, nothing is made
// once more, and the deployment is what is left.
func TestEmergencyOvertakesAStop(t *testing.T) {
	for _, byHand := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			g.turning(providers.Cutover)
			g.pausing()
			if byHand {
				g.byPerson()
			}
			f := &flight{rig: g, secret: "FAL_KEY", over: g.turnedOnce}
			bad := true
			g.before = func(call string, _ int) error {
				if call == "status production" && bad && len(g.issued) > 0 {
					return fault.New("deploying", fault.Failing, "")
				}
				return nil
			}
			e := f.engine("one")
			defer f.run(t.Context(), e)()
			r, err := e.Start(t.Context(), f.order(Routine))
			if err != nil {
				t.Fatal(err)
			}
			if r = f.goes(t.Context(), e, r.Key()); r.State != Stuck {
				t.Fatalf("it is %s", r.State)
			}
			g.in(func() { bad = false })
			f.cries(e)
			if n := g.told(r.Key(), "has asked for the successor of the leaked key already"); n != 1 {
				t.Errorf("that it goes on was told %d times", n)
			}
			if n := g.told(r.Key(), "was made before the alarm, by the rotation that this took over. If it is the one that leaked"); n != 1 {
				t.Errorf("that the new one is older than the alarm was told %d times", n)
			}
			if r = f.goes(t.Context(), e, r.Key()); r.State != Succeeded || len(g.issued) != 1 || !r.OldDead() || r.Requester != requester {
				t.Fatalf("%s: %+v; issued %v", r.State, r.Problem, g.issued)
			}
			f.over(r)
		})
	}
}

// TestRevokeFirstDoesNotOvertakeWhatLivesUntilThen: what ends only by its successor
// cannot be ended first, also where a routine rotation is open.
func TestRevokeFirstDoesNotOvertakeWhatLivesUntilThen(t *testing.T) {
	for name, world := range flights() {
		synctest.Test(t, func(t *testing.T) {
			f := world(t)
			e := f.engine("one")
			r, err := e.Start(t.Context(), f.order(Routine))
			if err != nil {
				t.Fatal(err)
			}
			o := f.order(Emergency)
			o.RevokeFirst = true
			_, err = e.Start(t.Context(), o)
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Code != NotPlannable || f.loaded(e, r.Key()).Cell.Mode != Routine {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
