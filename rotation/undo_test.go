package rotation

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
	"rekey/rotation/event"
)

// withSwitch is a world whose service can switch a key off and on.
func withSwitch(t *testing.T) *rig {
	t.Helper()
	g := newRig(t)
	g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
	return g
}

// untilOff approves and waits until the old key is proved switched off.
func (g *rig) untilOff(e *Engine) *Rotation {
	g.t.Helper()
	r := g.until(e, g.start(e).Key(), Asking)
	g.approve(e, r)
	for r = g.until(e, r.Key(), Running); r.Ends[""].Dead.IsZero(); r = g.until(e, r.Key(), Running) {
		pause(g.t.Context(), time.Second)
	}
	return r
}

// TestSwitchedOnAgainByHand: somebody switches the old key on again between the
// two acts. It is not deleted; people are asked anew, and told why.
func TestSwitchedOnAgainByHand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := withSwitch(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.untilOff(e)
		g.in(func() { delete(g.off, "key-old") })
		r = g.until(e, r.Key(), Asking, Succeeded)
		if r.Card.Number != 2 || len(g.ended) > 0 || !strings.HasPrefix(r.Safe(), "Old key still valid.") {
			t.Errorf("card %d, ended %v: %s", r.Card.Number, g.ended, r.Safe())
		}
		if g.told(r.Key(), "somebody switched the old key on again") != 1 {
			t.Errorf("told: %v", g.journal(r.Key()))
		}
		g.approve(e, r)
		g.invariants(g.until(e, r.Key(), Succeeded))
	})
}

// TestWhetherItIsOffCannotBeTold: an answer that says neither deletes nothing.
func TestWhetherItIsOffCannotBeTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := withSwitch(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.untilOff(e)
		g.in(func() { g.mute = true })
		for r = g.until(e, r.Key(), Running, Stuck); r.Attempt == 0 && r.State == Running; r = g.until(e, r.Key(), Running, Stuck) {
			pause(t.Context(), time.Second)
		}
		if len(g.ended) > 0 {
			t.Errorf("ended %v", g.ended)
		}
		g.in(func() { g.mute = false })
		g.until(e, r.Key(), Succeeded, Stuck)
	})
}

// TestCancelSwitchesOnAgain: while the old key is only switched off, cancelling
// gives it back. After that both keys live until somebody settles it.
func TestCancelSwitchesOnAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := withSwitch(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		g.untilOff(e)
		r, err := e.Cancel(t.Context(), "FAL_KEY", requester)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if r = g.until(e, r.Key(), Pending); !g.accepted("key-old") || len(g.ended) > 0 || len(r.Ends) > 0 || r.Card.State != CardVoid {
			t.Errorf("accepted %t, ended %v, ends %v, card %s", g.accepted("key-old"), g.ended, r.Ends, r.Card.State)
		}
		if g.told(r.Key(), "switched on again. Old key still valid.") != 1 {
			t.Errorf("told: %v", g.journal(r.Key()))
		}
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking)
		g.approve(e, r)
		g.invariants(g.until(e, r.Key(), Succeeded))
	})
}

// TestWhatIsOnlySwitchedOffIsCalledSo: no card and no message calls a key dead,
// or ended by others, that this rotation has switched off.
func TestWhatIsOnlySwitchedOffIsCalledSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := withSwitch(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.untilOff(e)
		g.unmark()
		r = g.until(e, r.Key(), Asking)
		if !strings.Contains(r.Safe(), "switched off and not deleted") || r.Card.OldRefused != "" {
			t.Errorf("%s; refused %q", r.Safe(), r.Card.OldRefused)
		}
		for _, ev := range g.journal(r.Key()) {
			if ev.Kind == event.Card && ev.Card == 2 && (ev.Facts["old_refused"] != "" || ev.Facts["switched_off"] == "") {
				t.Errorf("the card says %v", ev.Facts)
			}
		}
	})
}
