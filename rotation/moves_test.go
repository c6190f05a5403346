package rotation

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
)

const linger = 24 * time.Hour

// mover is a kind whose old credentials the service lists and ends, and whose
// new ones only people make: what it ends lives on for a while.
type mover struct{ byHand }

func (m mover) List(context.Context) ([]providers.Credential, error) {
	all := []providers.Credential{}
	err := m.g.effect("list", func() error {
		for id, k := range m.g.keys {
			if _, dying := m.g.doomed[id]; k.label == "by hand" && !dying {
				all = append(all, providers.Credential{ID: id})
			}
		}
		return nil
	})
	return all, err
}

func (m mover) End(_ context.Context, id providers.ID) error {
	return m.g.effect("end", func() error {
		if _, dying := m.g.doomed[id]; !dying {
			m.g.ended = append(m.g.ended, id)
			m.g.doomed[id] = time.Now().Add(linger)
		}
		return nil
	})
}

// movers finds them, and goes on with them when a survey would not.
type movers struct{ service }

func (s movers) kind() providers.Kind { return mover{byHand{switchable{found(s.service)}}} }

func (s movers) Survey(_ context.Context, current map[string]providers.Values) (providers.Kind, error) {
	err := s.g.effect("survey", func() error { return s.g.knows(current) })
	for _, v := range current {
		if id, _ := (found{s.g}).Identify(v); s.g.keys[id].label != "by hand" && s.g.mode != Emergency { // an audit may look late
			s.g.t.Error("what was moved already is surveyed as if it were not")
		}
	}
	return s.kind(), err
}

func (s movers) Continue(context.Context, providers.Traits, map[string]providers.Values) (providers.Kind, error) {
	return s.kind(), s.g.effect("continue", func() error { return nil })
}

func (g *rig) move() {
	g.apart()
	g.doomed = make(map[providers.ID]time.Time)
	g.configure = func(s *Subject) { s.Shared, s.Provider = false, movers{service{g}} }
	g.traits = func(t *providers.Traits) {
		t.Guided, t.Moves = true, true
		t.Waits.Grace, t.Waits.ProbeFirst = linger, linger+5*time.Minute
	}
}

// TestMoves: the end begins a time for which the old one lives on; it is sent
// once for each environment and proved after that time.
func TestMoves(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"in time": false, "some minutes late": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.move()
				if late { // the service's clock is behind
					g.after = func(call string, n int) error {
						if call == "end" && n == 1 {
							g.doomed["key-olds"] = g.doomed["key-olds"].Add(10 * time.Minute)
						}
						return nil
					}
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				asked := time.Now()
				g.approve(e, r)
				r = g.untilLong(e, r.Key(), Succeeded)
				g.invariants(r)
				if len(g.ended) != 2 || g.ended[0] != "key-olds" || g.ended[1] != "key-old" {
					t.Errorf("ended %v", g.ended)
				}
				if took := time.Since(asked); took < 2*linger || took > 2*linger+2*time.Hour {
					t.Errorf("proved after %s", took)
				}
				for scope, end := range r.Ends {
					if end.Dead.Sub(end.Sent) < linger && !late || end.Probes == 0 || !end.Unlisted {
						t.Errorf("scope %q: %+v", scope, end)
					}
				}
				if g.told(r.Key(), "24 h more and then dies by itself") != 2 {
					t.Error("people are not told for how long it lives")
				}
			})
		})
	}
}

// TestMovesOnAfterACrash: what a crash leaves between the write and the record
// is recognised although no list has it, and no survey would know it.
func TestMovesOnAfterACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.move()
		died := false
		first, cancel := context.WithCancel(t.Context())
		g.after = func(call string, n int) error {
			if call == "write "+Staging && n == 1 {
				died = true
				cancel()
				return context.Canceled
			}
			return nil
		}
		e := g.engine("one")
		stop := g.run(first, e)
		r := g.start(e)
		synctest.Wait()
		<-first.Done()
		stop()
		again := g.engine("two")
		defer g.run(t.Context(), again)()
		r = g.until(again, r.Key(), Asking)
		g.approve(again, r)
		r = g.untilLong(again, r.Key(), Succeeded)
		g.invariants(r)
		if !died || len(g.issued) != 2 || len(g.ended) != 2 {
			t.Errorf("died %t, made %v, ended %v", died, g.issued, g.ended)
		}
	})
}

// TestLingersOverARestart: the time for which the old one lives on is a timer
// of the record. Whoever lives then proves the death, and ends nothing twice.
func TestLingersOverARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.move()
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		pause(t.Context(), time.Hour)
		stop()
		if len(g.ended) != 1 {
			t.Fatalf("ended %v", g.ended)
		}
		pause(t.Context(), 2*linger)
		again := g.engine("two")
		defer g.run(t.Context(), again)()
		r = g.untilLong(again, r.Key(), Succeeded)
		g.invariants(r)
		if len(g.ended) != 2 || g.counts["end"] != 2 || len(g.issued) != 2 {
			t.Errorf("ended %v in %d calls, made %v", g.ended, g.counts["end"], g.issued)
		}
	})
}

// TestNoticed: what a survey found and people should know is told first.
func TestNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.traits = func(t *providers.Traits) { t.Notice = "nobody reads this name any more" }
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if g.told(r.Key(), "Nothing was changed. Note: nobody reads this name any more.") != 1 {
			t.Error("people are not told")
		}
	})
}
