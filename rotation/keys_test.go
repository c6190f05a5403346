package rotation

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/state"
)

// through drives a rotation of signing keys to its end.
func (s *signers) through(e *Engine) *Rotation {
	s.t.Helper()
	r := s.resting(e, s.start(e).Key(), Asking)
	s.approve(e, r)
	return s.resting(e, r.Key(), Succeeded)
}

// resting waits as long as such a rotation holds back.
func (s *signers) resting(e *Engine, key string, states ...State) *Rotation {
	s.t.Helper()
	for range 4 {
		r, err := e.Load(s.t.Context(), key)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, want := range append(states, Stuck) {
			if r.State == want {
				return s.until(e, key, states...)
			}
		}
		pause(s.t.Context(), 25*time.Minute)
	}
	return s.until(e, key, states...)
}

func TestSigningKeysAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		began := time.Now()
		r := s.through(e)
		s.replaced(r)
		if took := time.Since(began); took < s.lives {
			t.Errorf("it took %s, though tokens live %s", took, s.lives)
		}
		said := s.heard(r)
		for _, want := range []string{"with the value in use beside it as JWT_SECRET_PREVIOUS", "nothing is signed with it yet", "accepts tokens of", "signs with", "nobody is signed out",
			"JWT_SECRET_PREVIOUS in production holds the new value too", "turns away those of"} {
			if !strings.Contains(said, want) {
				t.Errorf("nobody heard %q:\n%s", want, said)
			}
		}
		if strings.Contains(said, "…89") || strings.Contains(said, "…6789") {
			t.Errorf("the end of a value was shown:\n%s", said)
		}
	})
}

// heard is everything that people heard of a rotation.
func (s *signers) heard(r *Rotation) string {
	var b strings.Builder
	for _, ev := range s.journal(r.Key()) {
		if ev.Posted() {
			fmt.Fprintln(&b, ev.Text)
		}
	}
	return b.String()
}

// replaced holds what must be true when all is done, however it went.
func (s *signers) replaced(r *Rotation) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, env := range environments() {
		keys := s.projects[env]
		if len(keys) != 2 || keys[0].status != spent || keys[1].status != inUse {
			s.t.Errorf("keys of %s: %+v %+v", env, keys[0], keys[len(keys)-1])
			continue
		}
		if prev, now := s.now(env, "JWT_SECRET_PREVIOUS"), s.now(env, "JWT_SECRET"); prev != now || now != keys[1].value {
			s.t.Errorf("the vault of %s holds %q and %q; the service signs with %q", env, now, prev, keys[1].value)
		}
		if s.admits(env, keys[0].value) || !s.admits(env, keys[1].value) {
			s.t.Errorf("the application in %s lets the old in or keeps the new out", env)
		}
		if n, p := len(s.stored[env]["JWT_SECRET"]), len(s.stored[env]["JWT_SECRET_PREVIOUS"]); n != 2 || p != 3 {
			s.t.Errorf("%s has %d and %d versions", env, n, p)
		}
		if string(r.Places[env].New.ID) != keys[1].id {
			s.t.Errorf("the record names %s, the service %s", r.Places[env].New.ID, keys[1].id)
		}
	}
	if !r.OldDead() {
		s.t.Error("no death certificate")
	}
	s.sound("the end")
}

// TestThrottlesOfSigningKeysAreWaitedFor: import, activation and revocation are
// each refused once until a moment that the service names.
func TestThrottlesOfSigningKeysAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.patience = 5 * time.Minute
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.through(e)
		s.replaced(r)
		if len(s.asked) != 6 {
			t.Errorf("throttled: %v", s.asked)
		}
		for _, call := range []string{"import staging", "activate production"} {
			if n := s.count(call); n != 2 {
				t.Errorf("%s was tried %d times, though the service named the moment", call, n)
			}
		}
		if said := s.heard(r); !strings.Contains(said, "asks to wait; Rekey goes on by itself in 5m0s") {
			t.Errorf("nobody was told:\n%s", said)
		}
	})
}

// TestThrottlesWithoutEndAskAPerson: a service that always asks to wait is not
// waited for without bound.
func TestThrottlesWithoutEndAskAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.before = func(call string, _ int) error {
			if call == "import staging" {
				return &fault.Error{Op: call, Class: fault.Again, Reason: fault.RateLimited, RetryAfter: time.Minute}
			}
			return nil
		}
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		s.resting(e, s.start(e).Key(), Stuck)
		if n := s.count("import staging"); n > 30 {
			t.Errorf("tried %d times", n)
		}
	})
}

// TestHoldFollowsTheLifeOfTokens: people make tokens live longer after the plan
// was made; the revocation waits for those, too.
func TestHoldFollowsTheLifeOfTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		s.before = func(call string, _ int) error {
			if call == "activate production" {
				s.lives = 3 * time.Hour
			}
			return nil
		}
		began := time.Now()
		r := s.start(e)
		for range 8 {
			pause(t.Context(), 25*time.Minute)
		}
		r = s.resting(e, r.Key(), Asking)
		if held := r.Card.Asked.Sub(began); held < 3*time.Hour {
			t.Errorf("people were asked after %s", held)
		}
	})
}

// TestBlockedRevocationWaitsForAPerson: what keeps the service from revoking
// is said, nothing is asked for, and a retry asks.
func TestBlockedRevocationWaitsForAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.block = "Legacy API keys are still in use."
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.resting(e, s.start(e).Key(), Pending)
		if r.Card != nil || !strings.Contains(s.heard(r), s.block) {
			t.Errorf("card %+v; said:\n%s", r.Card, s.heard(r))
		}
		s.in(func() { s.block = "" })
		if _, err := e.Retry(t.Context(), "JWT_SECRET", requester); err != nil {
			t.Fatal(err)
		}
		r = s.until(e, r.Key(), Asking)
		s.approve(e, r)
		s.replaced(s.resting(e, r.Key(), Succeeded))
	})
}

// TestNothingIsActivatedUnproved: an application that holds both values and
// lets in tokens of one only is never switched over.
func TestNothingIsActivatedUnproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.strict = true
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.until(e, s.start(e).Key(), Stuck)
		if step, _ := r.Step(); step.String() != "prove(staging)" || s.count("activate staging") != 0 {
			t.Errorf("stopped at %s after %d activations", step, s.count("activate staging"))
		}
	})
}

// TestARetirementIsHeld: the vault keeps the write over the value before for a
// person, who turns it down; a retry writes it again.
func TestARetirementIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.before = func(call string, n int) error {
			if call == "write production" && n == 2 {
				return fault.New("writing", fault.HeldForApproval, "request 7")
			}
			return nil
		}
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.resting(e, s.start(e).Key(), Asking)
		s.approve(e, r)
		for !strings.Contains(s.heard(r), "Waiting for a person to merge it there") {
			if !pause(t.Context(), time.Minute) {
				t.Fatal("nobody was told")
			}
		}
		if _, err := e.Cancel(t.Context(), "JWT_SECRET", requester); err != nil {
			t.Fatal(err)
		}
		r = s.until(e, r.Key(), Stuck)
		if !strings.Contains(r.Problem.Next, "retry JWT_SECRET") || !r.OldDead() {
			t.Errorf("%+v", r.Problem)
		}
		if _, err := e.Retry(t.Context(), "JWT_SECRET", requester); err != nil {
			t.Fatal(err)
		}
		s.replaced(s.resting(e, r.Key(), Succeeded))
	})
}

// TestBothVariablesAreNeeded: a survey says so, where one is missing.
func TestBothVariablesAreNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.before = func(call string, _ int) error {
			if call == "read staging" {
				return fault.New("reading", fault.NotFound, "")
			}
			return nil
		}
		_, err := s.engine("one").Start(t.Context(), Order{Secret: "JWT_SECRET", Requester: requester})
		if err == nil || !strings.Contains(err.Error(), "JWT_SECRET and JWT_SECRET_PREVIOUS must both be there") {
			t.Errorf("%v", err)
		}
	})
}

// TestGatesAreTriedFirst: one that is open to everybody, and one that takes no
// token, stop before anything is changed.
func TestGatesAreTriedFirst(t *testing.T) {
	for name, gate := range map[string]deploy.Admission{"open": deploy.Admitted, "shut": deploy.TurnedAway, "silent": deploy.NotTold} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSigners(t)
				s.gate = gate
				e := s.engine("one")
				defer s.run(t.Context(), e)()
				r := s.resting(e, s.start(e).Key(), Stuck)
				if step, _ := r.Step(); step.Act != Preflight || s.count("write staging") != 0 {
					t.Errorf("stopped at %s after %d writes", step, s.count("write staging"))
				}
			})
		})
	}
}

// TestSurveysOfSigningKeys: what is missing stops before anything is changed.
func TestSurveysOfSigningKeys(t *testing.T) {
	for want, spoil := range map[string]func(*signers){
		"could not accept two at a time":        func(s *signers) { s.configureMore(func(sub *Subject) { sub.Previous = "" }) },
		"lets in who bears a token":             func(s *signers) { s.configureMore(func(sub *Subject) { shutGate(sub) }) },
		"a standby key is left":                 func(s *signers) { s.unclear = "a standby key is left" },
		"two environments cannot share one":     func(s *signers) { s.configureMore(func(sub *Subject) { sub.Shared = true }); s.alike() },
		"declared per environment, but staging": (*signers).alike,
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSigners(t)
				spoil(s)
				_, err := s.engine("one").Start(t.Context(), Order{Secret: "JWT_SECRET", Requester: requester})
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func shutGate(sub *Subject) {
	stage := sub.Stages[Production]
	stage.Gate = nil
	sub.Stages[Production] = stage
}

// alike gives both environments one value.
func (s *signers) alike() {
	for name := range s.stored[Staging] {
		s.stored[Staging][name] = s.stored[Production][name]
	}
}

func (s *signers) configureMore(more func(*Subject)) {
	before := s.configure
	s.configure = func(sub *Subject) { before(sub); more(sub) }
}

// TestSigningKeysSurviveCrashes kills a replica at every moment of the plan.
func TestSigningKeysSurviveCrashes(t *testing.T) {
	signing := sample{met: make(map[string]bool)} // these plans' own
	for _, c := range signing.of(moments(t)) {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel() // each in a world of its own
			synctest.Test(t, func(t *testing.T) { signOn(t, c) })
		})
	}
}

// moments are those of an undisturbed run; what repeats is one after a while.
func moments(t *testing.T) []crash {
	var all []crash
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		e := s.engine("one")
		commits := 0
		s.store.Fail = func(string, state.Change) error { commits++; return nil }
		stop := s.run(t.Context(), e)
		s.through(e)
		stop()
		seen := make(map[string]int)
		for _, call := range s.touched {
			enough := 1
			if strings.HasPrefix(call, "write") || strings.HasPrefix(call, "deploy") || strings.HasPrefix(call, "status") {
				enough = 3
			}
			if seen[call]++; seen[call] <= enough {
				all = append(all, crash{call, seen[call], false}, crash{call, seen[call], true})
			}
		}
		for n := 1; n <= commits; n++ {
			if n < 40 || n > commits-40 {
				all = append(all, crash{"commit", n, false}, crash{"commit", n, true})
			}
		}
	})
	return all
}

func signOn(t *testing.T, c crash) {
	s := newSigners(t)
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
		s.after = strike
	} else {
		s.before = strike
	}
	commits := 0
	s.setup = func(cfg *Config) {
		cfg.Store = &tearing{cfg.Store, s.rig, &commits, func(n int, done bool) error {
			if done != c.after {
				return nil
			}
			return strike("commit", n)
		}}
	}
	first := s.engine("first")
	r, err := first.Start(ctx, Order{Secret: "JWT_SECRET", Requester: requester})
	if err != nil {
		if !died {
			t.Fatal(err)
		}
		return // died before anything was stored: nothing was changed
	}
	defer s.run(ctx, first)()
	second := s.engine("second")
	context.AfterFunc(ctx, func() {
		if t.Context().Err() == nil {
			s.run(t.Context(), second)
		}
	})
	r = s.asking(second, c, r.Key())
	s.approve(second, r)
	r = s.resting(second, r.Key(), Succeeded)
	if !died {
		t.Fatalf("%s never came", c)
	}
	s.replaced(r)
}

// asking goes on from the moments that nobody can tell from another: a first
// write was announced and left no trace, so it may wait in the vault.
func (s *signers) asking(e *Engine, c crash, key string) *Rotation {
	s.t.Helper()
	for range 3 {
		r := s.resting(e, key, Asking, Stuck)
		if r.State == Asking {
			return r
		}
		atWrite := strings.HasPrefix(c.call, "write ") && c.n == 1 && !c.after
		if !atWrite && !(c.call == "commit" && c.after) || r.Problem.Reason != string(fault.Unsettled) {
			s.t.Fatalf("stopped after a crash %s: %+v", c, r.Problem)
		}
		if _, err := e.Retry(s.t.Context(), r.Secret, requester); err != nil {
			s.t.Fatal(err)
		}
	}
	s.t.Fatal("it stops again and again")
	return nil
}
