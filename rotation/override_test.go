package rotation

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/rotation/event"
)

// mute is an application that cannot be asked.
func mute(env string) func(string, int) error {
	return func(call string, _ int) error {
		if call == "attest "+env {
			return fault.New("asking the application", fault.Unreachable, "")
		}
		return nil
	}
}

var colleague = Person{ID: "T1/U9", Name: "Cleo"}

// takes is somebody's word in the place of the proof at which a rotation stopped.
func takes(r *Rotation, by Person, reason string) Override {
	return Override{Rotation: r.Key(), Step: r.Problem.Step, By: by, Standing: mayVote, Reason: reason}
}

// TestOverrideOfAProof: where the application cannot be asked, a second person
// goes on without the proof, with a reason; the card says so, and what is
// approved on it is bound to that.
func TestOverrideOfAProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		g.in(func() { g.before = onlyAfter("write "+Production, mute(Production)) })
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Stuck)
		if !r.Overridable() || r.Problem.Step != "prove(production)" || !strings.Contains(r.Problem.Next, "go on without it") {
			t.Fatalf("%+v", r.Problem)
		}
		for why, o := range map[string]Override{
			"whoever asked":  takes(r, requester, "I am sure"),
			"needs a reason": takes(r, colleague, " "),
			"waits for that": {Rotation: r.Key(), Step: "prove(staging)", By: colleague, Standing: mayVote, Reason: "x"},
			"approver list":  {Rotation: r.Key(), Step: r.Problem.Step, By: colleague, Standing: Standing{Member: true}, Reason: "x"},
			"full members":   {Rotation: r.Key(), Step: r.Problem.Step, By: colleague, Standing: Standing{Why: "guest"}, Reason: "x"},
		} {
			var refusal *Refusal
			if _, err := e.Override(t.Context(), o); !errors.As(err, &refusal) || !strings.Contains(refusal.Sentence, why) {
				t.Errorf("%s: %v", why, err)
			}
		}
		if _, err := e.Override(t.Context(), takes(r, colleague, "its endpoint is off today")); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking, Stuck)
		if r.State == Stuck { // the watch cannot ask, either
			if !r.Overridable() || !strings.HasPrefix(r.Problem.Step, "watch") {
				t.Fatalf("%+v", r.Problem)
			}
			if _, err := e.Override(t.Context(), takes(r, colleague, "still off")); err != nil {
				t.Fatal(err)
			}
			r = g.until(e, r.Key(), Asking)
		}
		c := r.Proofs[Production]
		if c.Kind != Overridden || !strings.Contains(c.Affected, "<@U9> took it over because “its endpoint is off today”") || g.kinds(r.Key(), event.Overridden) != 2 {
			t.Errorf("%+v, told %d times", c, g.kinds(r.Key(), event.Overridden))
		}
		g.approve(e, r)
		pass(time.Minute)
		g.in(func() { g.before = nil }) // it answers again: another proof than was approved
		r = g.until(e, r.Key(), Asking, Succeeded, Stuck)
		for r.State == Asking && r.Card.State == CardOpen {
			g.unmark()
			g.approve(e, r)
			r = g.until(e, r.Key(), Asking, Succeeded, Stuck)
		}
		if r.State == Stuck {
			t.Logf("stopped: %+v", r.Problem)
			_, _ = e.Retry(t.Context(), "FAL_KEY", requester)
			g.until(e, r.Key(), Succeeded)
		}
		if g.accepted("key-old") {
			t.Error("the old key lives")
		}
	})
}

// onlyAfter interferes once a call was made.
func onlyAfter(first string, then func(string, int) error) func(string, int) error {
	on := false
	return func(call string, n int) error {
		on = on || call == first
		if !on {
			return nil
		}
		return then(call, n)
	}
}

// TestNoOverrideOfWhatIsDisproved: an application that runs on the old key, that
// fails, or whose new key is refused offers nothing to be taken over.
func TestNoOverrideOfWhatIsDisproved(t *testing.T) {
	for name, arrange := range map[string]func(*rig){
		"runs on the old one": func(g *rig) { g.misled[Production] = true },
		"fails":               func(g *rig) { g.needs[Production] = "key-none" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.start(e)
				g.in(func() { g.before = onlyAfterDo("write "+Production, func() { arrange(g) }) })
				r = g.until(e, r.Key(), Stuck)
				if r.Overridable() || r.Problem.Step != "prove(production)" {
					t.Fatalf("%+v", r.Problem)
				}
				var refusal *Refusal
				if _, err := e.Override(t.Context(), takes(r, colleague, "never mind")); !errors.As(err, &refusal) || r.Wrote(Production) && len(g.ended) > 0 {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func onlyAfterDo(first string, do func()) func(string, int) error {
	return func(call string, n int) error {
		if call == first && n == 1 {
			do()
		}
		return nil
	}
}

// TestOverrideLooksOnceMore: what can be told by the time somebody takes it over
// counts more than their word.
func TestOverrideLooksOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		g.in(func() { g.before = onlyAfter("write "+Production, mute(Production)) })
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Stuck)
		g.in(func() { g.before, g.running[Production] = nil, oldValue })
		var refusal *Refusal
		if _, err := e.Override(t.Context(), takes(r, colleague, "it is fine")); !errors.As(err, &refusal) || !strings.Contains(refusal.Sentence, "Nobody can take that over") {
			t.Fatalf("%v", err)
		}
		if r, _ = e.Load(t.Context(), r.Key()); r.State != Stuck || len(r.Waived) > 0 {
			t.Errorf("%s, %v", r.State, r.Waived)
		}
	})
}

// TestOverrideOfAWatch: a watch whose source is dead may be taken over; one that
// failed may not.
func TestOverrideOfAWatch(t *testing.T) {
	for outcome, may := range map[deploy.Outcome]bool{deploy.Error: true, deploy.Bad: false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			e := g.engine("one")
			looks := 0
			g.measure = func(deploy.Window) deploy.Measurement {
				if looks++; looks == 1 {
					return deploy.Measurement{Outcome: deploy.OK, Requests: 100}
				}
				return deploy.Measurement{Outcome: outcome, Requests: 100, Value: 100, Hard: outcome == deploy.Bad}
			}
			defer g.run(t.Context(), e)()
			r := g.until(e, g.start(e).Key(), Stuck)
			if r.Problem.Step != "watch" || r.Overridable() != may {
				t.Fatalf("%s: %+v", outcome, r.Problem)
			}
			if !may {
				return
			}
			if _, err := e.Override(t.Context(), takes(r, colleague, "the log is being moved")); err != nil {
				t.Fatal(err)
			}
			if r = g.until(e, r.Key(), Asking); r.Vigils[Watch].Verdict != Overridden {
				t.Errorf("%s", r.Vigils[Watch].Verdict)
			}
		})
	}
}
