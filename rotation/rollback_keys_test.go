package rotation

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
)

// journeys are the points from which a rotation of signing keys goes back.
var journeys = map[string]struct {
	arrange func(*signers)
	at      State
	holds   bool // the new key signed in production
	step    string
}{
	"nothing activated":              {func(s *signers) { s.misled[Staging] = true }, Stuck, false, "prove(staging)"},
	"staging activated":              {func(s *signers) { s.misled[Production] = true }, Stuck, false, "prove(production)"},
	"production's activation failed": {func(s *signers) { s.always("activate production", again(fault.ServerError)) }, Stuck, false, "activate(production)"},
	"production's answer was lost":   {func(s *signers) { s.lastWord("activate production") }, Stuck, true, "activate(production)"},
	"both activated":                 {func(*signers) {}, Asking, true, "approve"},
	"an emergency":                   {func(s *signers) { s.mode = Emergency }, Asking, true, "approve"},
}

// always fails a call, until the world is mended.
func (s *signers) always(call string, err error) {
	s.before = func(c string, _ int) error {
		if c == call {
			return err
		}
		return nil
	}
}

// lastWord lets a call have its effect, and nothing answer after it for a while.
func (s *signers) lastWord(call string) {
	done := false
	s.after = func(c string, _ int) error {
		if c == call {
			done = true
			return fault.New("activating", fault.Forbidden, "")
		}
		return nil
	}
	s.before = func(c string, _ int) error {
		if done && strings.HasPrefix(c, "active ") {
			return fault.New("asking", fault.Forbidden, "")
		}
		return nil
	}
}

// mend leaves the world as it is from here on.
func (s *signers) mend() {
	s.in(func() { s.before, s.after, s.misled = nil, nil, map[string]bool{} })
}

// back asks for the way back.
func (s *signers) back(e *Engine) (*Rotation, error) {
	s.t.Helper()
	for range 20 {
		r, err := e.Rollback(s.t.Context(), "JWT_SECRET", requester)
		if !refusedAs(err, Busy) {
			return r, err
		}
	}
	s.t.Fatal("the rotation is busy for ever")
	return nil, nil
}

// home waits as long as a way back of signing keys takes.
func (s *signers) home(e *Engine, key string) *Rotation {
	s.t.Helper()
	for range 200 {
		r, err := e.Load(s.t.Context(), key)
		if err != nil {
			s.t.Fatal(err)
		}
		if r.State != Running {
			return r
		}
		pause(s.t.Context(), min(max(5*time.Second, time.Until(r.Wake)), 10*time.Minute))
	}
	s.t.Fatal("it does not arrive")
	return nil
}

// asItWas holds that every environment is back on the key it had.
func (s *signers) asItWas(r *Rotation) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.State != Succeeded || r.OldDead() {
		s.t.Errorf("%s, old dead %t: %+v", r.State, r.OldDead(), r.Problem)
	}
	for _, env := range environments() {
		keys := s.projects[env]
		old := keys[0]
		if old.status != inUse || s.now(env, "JWT_SECRET") != old.value || s.now(env, "JWT_SECRET_PREVIOUS") != old.value {
			s.t.Errorf("%s: the old key is %s, the vault holds %q and %q", env, old.status, s.now(env, "JWT_SECRET"), s.now(env, "JWT_SECRET_PREVIOUS"))
		}
		if h := s.holds[env]; h["JWT_SECRET"] != old.value || h["JWT_SECRET_PREVIOUS"] != old.value {
			s.t.Errorf("%s: the application holds %v", env, h)
		}
		for _, k := range keys[1:] {
			if k.status != spent {
				s.t.Errorf("%s: %s is %s", env, k.id, k.status)
			}
		}
	}
	s.sound("the end of the way back")
}

// TestSigningKeysGoBack from wherever they are, and nobody is signed out.
func TestSigningKeysGoBack(t *testing.T) {
	for name, j := range journeys {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSigners(t)
				s.patience = 5 * time.Minute // every change is asked to wait once
				j.arrange(s)
				e := s.engine("one")
				defer s.run(t.Context(), e)()
				r := s.resting(e, s.start(e).Key(), j.at)
				if step, _ := r.Step(); step.String() != j.step {
					t.Fatalf("it is at %s", step)
				}
				s.mend()
				turned := time.Now()
				if _, err := s.back(e); err != nil {
					t.Fatal(err)
				}
				r = s.home(e, r.Key())
				s.asItWas(r)
				if held := r.Places[Production].Reactivated.IsZero(); held == j.holds {
					t.Errorf("production's old key was activated again: %t", !held)
				}
				if took := time.Since(turned); j.holds && took < s.lives {
					t.Errorf("it took %s, though tokens live %s", took, s.lives)
				}
				_, said, _ := strings.Cut(s.heard(r), "Going back to the old key")
				if strings.Contains(said, "Attempt") || !strings.Contains(said, "and no longer those of") {
					t.Errorf("people heard:\n%s", said)
				}
			})
		})
	}
}

// TestProductionWaitsForNothing: where the new key never signed in production,
// that is back before staging's tokens are over.
func TestProductionWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.misled[Production] = true
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.resting(e, s.start(e).Key(), Stuck)
		s.mend()
		if _, err := s.back(e); err != nil {
			t.Fatal(err)
		}
		pause(t.Context(), 10*time.Minute)
		r, err := e.Load(t.Context(), r.Key())
		if err != nil {
			t.Fatal(err)
		}
		old := s.projects[Production][0].value
		if step, _ := r.Step(); s.holds[Production]["JWT_SECRET"] != old || step != (Step{Hold, Staging}) || !strings.Contains(r.Safe(), "Production runs on the old key, proved.") {
			t.Errorf("at %s production has %v: %s", step, s.holds[Production], r.Safe())
		}
		s.asItWas(s.home(e, r.Key()))
	})
}

// TestNoWayBackToARevokedKey is refused with the way forward.
func TestNoWayBackToARevokedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.resting(e, s.start(e).Key(), Asking)
		s.approve(e, r)
		for s.count("end staging") == 0 {
			pause(t.Context(), time.Second)
		}
		if _, err := s.back(e); !refusedAs(err, NotNow) || !strings.Contains(err.Error(), "Go forward") {
			t.Error(err)
		}
		s.replaced(s.resting(e, r.Key(), Succeeded))
	})
}

// TestActivatedOnceMoreOnTheWayBack: somebody has the service sign with the new
// key again while its tokens are waited for. The old value alone is not restored
// under it.
func TestActivatedOnceMoreOnTheWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.resting(e, s.start(e).Key(), Asking)
		if _, err := s.back(e); err != nil {
			t.Fatal(err)
		}
		pause(t.Context(), time.Hour)
		s.in(func() {
			keys := s.projects[Production]
			keys[0].status, keys[0].replaced = former, time.Now()
			keys[1].status, keys[1].replaced = inUse, time.Time{}
		})
		r = s.home(e, r.Key())
		s.asItWas(r)
		if n := s.count("activate production"); n != 3 {
			t.Errorf("production was activated %d times", n)
		}
	})
}

// TestSigningKeysTurnByThemselves where the policy says so.
func TestSigningKeysTurnByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.misled[Production] = true
		s.configureMore(func(sub *Subject) { sub.Policy.Rollback = AutoRollback{Prove: true} })
		s.after = func(call string, n int) error {
			if call == "status production" && n > 2 {
				s.misled[Production] = false
			}
			return nil
		}
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.start(e)
		s.asItWas(s.home(e, r.Key()))
	})
}

// TestSigningKeysGoBackAnywhere asks for a rollback after a replica
// died at a moment of a rotation.
func TestSigningKeysGoBackAnywhere(t *testing.T) {
	for _, c := range some(t, moments(t), 24) {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { signsBackAt(t, c) })
		})
	}
}

func signsBackAt(t *testing.T, c crash) {
	s := newSigners(t)
	ctx, die := context.WithCancel(t.Context())
	s.strikes(c, die)
	first := s.engine("first")
	r, err := first.Start(ctx, Order{Secret: "JWT_SECRET", Requester: requester})
	if err != nil {
		die()
		return // nothing was stored
	}
	stop := s.run(ctx, first)
	for ctx.Err() == nil && !r.State.Final() && r.State != Stuck {
		if r, err = first.Load(t.Context(), r.Key()); err != nil {
			t.Fatal(err)
		}
		rests := min(max(time.Second, time.Until(r.Wake).Truncate(2*time.Second)/2), 10*time.Minute)
		if r.State == Asking {
			s.approve(first, r)
			rests = time.Second
		}
		pass(rests)
	}
	if ctx.Err() == nil {
		t.Errorf("%s never came", c)
	}
	die()
	stop()
	e := s.engine("second")
	_, err = s.back(e)
	for range 3 { // a write that people have to look for
		if !refusedAs(err, NotNow) {
			break
		}
		pass(time.Minute)
		_, _ = e.Cancel(t.Context(), "JWT_SECRET", requester)
		_, err = s.back(e)
	}
	drive := s.run(t.Context(), e)
	defer func() { pass(time.Second); drive() }()
	if r = s.home(e, r.Key()); r.State == Stuck && r.Cell.Mode != Rollback && len(r.Ends) == 0 {
		_, _ = s.back(e)
		r = s.home(e, r.Key())
	}
	switch {
	case r.State == Abandoned:
	case r.Cell.Mode == Rollback:
		s.asItWas(r)
	case r.State == Succeeded && len(s.ended) > 0:
		s.replaced(r)
	default:
		t.Errorf("%s at %s: %+v", r.State, r.Key(), r.Problem)
	}
}
