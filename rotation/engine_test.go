package rotation

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
	"rekey/rotation/event"
	"rekey/rotation/watch"
)

func TestRoutineOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.start(e)
		r = g.until(e, r.Key(), Asking)
		if len(g.ended) != 0 {
			t.Fatalf("%v was ended before anybody approved", g.ended)
		}
		if v := r.Vigils[Watch]; v.Verdict != watch.Passed || len(v.Series[0].Ticks) != 15 {
			t.Errorf("the watch came to %q after %d ticks", v.Verdict, len(v.Series[0].Ticks))
		}
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		g.invariants(r)
		if !slices.Equal(g.ended, []providers.ID{"key-old"}) || len(g.issued) != 1 {
			t.Errorf("issued %v, ended %v", g.issued, g.ended)
		}
		if !r.OldDead() || r.Ends[""].Probes < 12 || !r.Ends[""].Unlisted {
			t.Errorf("death certificate: %+v", r.Ends[""])
		}
		if got := g.vault[Production][1].note["rekey-previous-id"]; got != "key-old" {
			t.Errorf("the vault's note names %q as the old key", got)
		}
		if r.Seen.Requests < 1500 || r.Seen.Failed != 0 {
			t.Errorf("figures: %+v", r.Seen)
		}
		if open, _ := e.Open(t.Context()); len(open) != 0 {
			t.Errorf("%d rotations are still open", len(open))
		}
		posted := 0
		for _, ev := range g.journal(r.Key()) {
			if ev.Posted() {
				posted++
			}
		}
		if posted > 16 {
			t.Errorf("%d posts in one thread", posted)
		}
	})
}

// TestEveryEffectIsAnnounced: an intent stands in the journal before the
// world is touched.
func TestEveryEffectIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		var key string
		wants := map[string]string{
			"issue": "issue(staging)", "write staging": "issue(staging)", "deploy staging": "deploy(staging)",
			"write production": "write(production)", "deploy production": "deploy(production)", "end": "end",
		}
		met := 0
		g.before = func(call string, _ int) error {
			step, isEffect := wants[call]
			if !isEffect {
				return nil
			}
			met++
			announced := slices.ContainsFunc(g.journal(key), func(ev event.Event) bool { return ev.Kind == event.Intent && ev.Step == step })
			if !announced {
				t.Errorf("%s happened before its intent was in the journal", call)
			}
			return nil
		}
		r := g.start(e)
		key = r.Key()
		defer g.run(t.Context(), e)()
		r = g.until(e, key, Asking)
		g.approve(e, r)
		g.until(e, key, Succeeded)
		if met != len(wants) {
			t.Errorf("%d effects were seen, want %d", met, len(wants))
		}
	})
}

func TestWaitingCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.start(e)
		g.until(e, r.Key(), Asking)
		synctest.Wait()
		before := len(g.touched)
		pause(t.Context(), 10*time.Hour)
		if n := len(g.touched) - before; n != 0 {
			t.Errorf("%d calls to the outside while a card waited: %v", n, g.touched[before:])
		}
	})
}
