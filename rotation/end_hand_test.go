package rotation

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// TestEndByHand: people make and end the keys. The approval comes first, and
// the service proves the death.
func TestEndByHand(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*rig){"shared": func(*rig) {}, "apart": (*rig).apart} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.console()
				arrange(g)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				if g.counts["guide end"] != 0 {
					t.Error("people were asked to end a key before anybody approved")
				}
				g.approve(e, r)
				r = g.until(e, r.Key(), Succeeded)
				g.invariants(r)
				if len(g.ended) != len(r.Ends) || !slices.Contains(g.ended, "key-old") || g.counts["end"] != 0 {
					t.Errorf("ended %v, by the engine %d times", g.ended, g.counts["end"])
				}
				for scope, end := range r.Ends {
					if end.Dead.IsZero() || end.Unlisted || end.Probes == 0 {
						t.Errorf("scope %q: %+v", scope, end)
					}
				}
				told := g.farewellsTold(r.Key())
				if len(told) != len(r.Ends) || !strings.Contains(told[0].Text, "https://console.test/keys") || !told[0].Urgent() {
					t.Errorf("told %+v", told)
				}
			})
		})
	}
}

// farewellsTold are the events that ask people to end a key.
func (g *rig) farewellsTold(key string) []event.Event {
	return slices.DeleteFunc(g.journal(key), func(ev event.Event) bool { return ev.Kind != event.Guide || ev.Facts["ends"] == "" })
}

// TestNobodyEnds: who does not come is asked again with growing pauses, and
// the duty ends when they have come.
func TestNobodyEnds(t *testing.T) {
	long(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.console()
		g.ender = func(providers.ID, int) {}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		pass(24 * time.Hour)
		told := len(g.farewellsTold(r.Key()))
		if told < 3 || told > 10 {
			t.Errorf("asked %d times in a day", told)
		}
		if r, err := e.Load(t.Context(), r.Key()); err != nil || r.State.Final() || len(g.ended) > 0 {
			t.Fatalf("%+v, %v; ended %v", r, err, g.ended)
		}
		g.mu.Lock()
		g.endsByHand("key-old")
		g.mu.Unlock()
		g.invariants(g.until(e, r.Key(), Succeeded))
	})
}

// TestWrongOneEnded: whoever ends the new key in the place of the old one is
// told at once, and nothing more is asked of anybody.
func TestWrongOneEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.console()
		g.ender = func(_ providers.ID, probes int) {
			if probes == 1 {
				g.endsByHand(g.issued[0])
			}
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		if r.Problem.Reason != string(fault.Failing) || !strings.Contains(r.Problem.What, "in the place of the old one") {
			t.Errorf("%+v", r.Problem)
		}
		if told := g.farewellsTold(r.Key()); len(told) != 1 {
			t.Errorf("asked %d times", len(told))
		}
	})
}

// TestEndByHandWithoutTheOldValue: where nothing can be probed and nothing is
// listed, no death is ever proved.
func TestEndByHandWithoutTheOldValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.console()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.mu.Lock()
		g.gone[Production], g.gone[Staging] = true, true
		g.mu.Unlock()
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		if r.Problem.Reason != string(fault.Unproved) || r.OldDead() {
			t.Errorf("%+v", r.Problem)
		}
	})
}
