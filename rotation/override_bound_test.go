package rotation

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"rekey/providers"
	"rekey/rotation/event"
)

// TestOverrideIsBound: a word that names a plan and a stop is about these alone,
// and counts while whoever gave it may give it.
func TestOverrideIsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		g.in(func() { g.before = onlyAfter("write "+Production, mute(Production)) })
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Stuck)
		o := takes(r, colleague, "its endpoint is off today")
		o.Path, o.Plan, o.Stop = "command line", r.PlanHash, r.StopHash()
		still := func(p Person, s Standing, err error) func(context.Context) (Person, Standing, error) {
			return func(context.Context) (Person, Standing, error) { return p, s, err }
		}
		o.Still = still(colleague, mayVote, nil)
		for why, change := range map[string]func(*Override){
			"waits for that no more":  func(o *Override) { o.Plan = strings.Repeat("a", 64) },
			"waits for that no more ": func(o *Override) { o.Stop = strings.Repeat("a", 64) },
			"full members":            func(o *Override) { o.Still = still(colleague, Standing{Why: "nobody"}, nil) },
			"whoever asked":           func(o *Override) { o.Still = still(requester, mayVote, nil) },
		} {
			bad := o
			change(&bad)
			var refusal *Refusal
			if _, err := e.Override(t.Context(), bad); !errors.As(err, &refusal) || !strings.Contains(refusal.Sentence, strings.TrimSpace(why)) {
				t.Errorf("%s: %v", why, err)
			}
		}
		away := errors.New("the file cannot be read")
		bad := o
		bad.Still = still(Person{}, Standing{}, away)
		if _, err := e.Override(t.Context(), bad); !errors.Is(err, away) || g.kinds(r.Key(), event.Overridden) > 0 {
			t.Errorf("%v; taken over %d times", err, g.kinds(r.Key(), event.Overridden))
		}
		if _, err := e.Override(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking, Stuck)
		if safe := r.Safe(); strings.Contains(safe, "proved") || !strings.Contains(safe, "a person took it over") {
			t.Errorf("what a person took over is called proved: %s", safe)
		}
		if v := r.Waived["prove(production)"]; v.By != colleague || v.Reason != o.Reason || g.kinds(r.Key(), event.Overridden) != 1 {
			t.Errorf("%+v, taken over %d times", v, g.kinds(r.Key(), event.Overridden))
		}
		if _, err := e.Override(t.Context(), o); err == nil {
			t.Error("one word was taken twice")
		}
		for range 6 { // the watches cannot ask, either
			switch r.State {
			case Stuck:
				if _, err := e.Override(t.Context(), takes(r, colleague, "still off")); err != nil {
					t.Fatal(err)
				}
			case Asking:
				g.approve(e, r)
			}
			r = g.until(e, r.Key(), Asking, Stuck, Succeeded)
		}
		if safe := r.Safe(); r.State != Succeeded || !strings.Contains(safe, "a person took it over") {
			t.Errorf("%s: %s", r.State, safe)
		}
		if n := g.told(r.Key(), "That production runs on it is not proved: <@U9> took it over because “its endpoint is off today”."); n != 1 {
			t.Errorf("the report says it %d times", n)
		}
		if n := g.told(r.Key(), "Production still works"); n != 0 {
			t.Error("what nobody measured is said of the end")
		}
	})
}

// TestStopHash: it names what somebody decides on, and nothing that changes by
// itself.
func TestStopHash(t *testing.T) {
	at := func() *Rotation {
		return &Rotation{
			PlanHash: "p", Problem: &Problem{Step: "prove(production)", Reason: "unreachable", What: "It cannot be asked."},
			Places: map[string]Place{Production: {Old: Known{ID: "a"}, New: Known{ID: "b"}, After: map[string]Held{"FAL_KEY": {Version: 2, Fingerprint: "f"}}}},
		}
	}
	same := at()
	same.Attempt, same.Cursor = 7, 3
	if same.StopHash() != at().StopHash() {
		t.Error("an attempt more is another stop")
	}
	for name, change := range map[string]func(*Rotation){
		"plan":    func(r *Rotation) { r.PlanHash = "q" },
		"step":    func(r *Rotation) { r.Problem.Step = "prove(staging)" },
		"reason":  func(r *Rotation) { r.Problem.Reason = "failing" },
		"words":   func(r *Rotation) { r.Problem.What = "It answers with an error." },
		"new key": func(r *Rotation) { r.Places[Production] = Place{Old: Known{ID: "a"}, New: Known{ID: "c"}} },
		"version": func(r *Rotation) { r.Places[Production].After["FAL_KEY"] = Held{Version: 3, Fingerprint: "f"} },
		"no stop": func(r *Rotation) { r.Problem = nil },
	} {
		other := at()
		if change(other); other.StopHash() == at().StopHash() {
			t.Errorf("another %s is the same stop", name)
		}
	}
}

// TestWaiverIsAboutOneKey: a word about one new key stands for no other.
func TestWaiverIsAboutOneKey(t *testing.T) {
	for about, want := range map[string]bool{"": true, "key-new": true, "key-other": false} {
		if v := (Waiver{New: providers.ID(about)}); v.about("key-new") != want {
			t.Errorf("a word about %q is one about key-new: %t", about, !want)
		}
	}
}
