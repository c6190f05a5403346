package rotation

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
	"rekey/rotation/event"
	"rekey/rotation/watch"
	"rekey/state"
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

// TestOneCommitPerStep: where a step follows at once, its intent comes with the
// outcome of the one before. Only the first step, and one that was waited for,
// has an intent of its own.
func TestOneCommitPerStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		alone, followed := 0, 0
		g.store.Fail = func(_ string, c state.Change) error {
			var kinds []event.Kind
			for _, stored := range c.Events {
				ev, err := event.Decode(0, stored.Body)
				if err != nil {
					t.Error(err)
				}
				kinds = append(kinds, ev.Kind)
			}
			done, intent := slices.Index(kinds, event.Done), slices.Index(kinds, event.Intent)
			switch {
			case done < 0 && intent >= 0:
				alone++
			case done >= 0 && intent > done:
				followed++
			case done >= 0 && !c.Close:
				t.Errorf("a step was done and the next one not begun: %v", kinds)
			}
			return nil
		}
		r := g.start(e)
		defer g.run(t.Context(), e)()
		r = g.until(e, r.Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		if alone != 1 || followed != len(r.Plan)-1 {
			t.Errorf("of %d steps %d began with an outcome and %d alone", len(r.Plan), followed, alone)
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
