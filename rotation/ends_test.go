package rotation

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/state"
)

// TestCancelAfterAnEndWhoseOutcomeWasLost: the service ended the old key and
// the store was down when that was to be recorded. Nobody may be told that it
// lives.
func TestCancelAfterAnEndWhoseOutcomeWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		down := false
		g.store.Fail = func(string, state.Change) (err error) {
			g.in(func() {
				if down {
					err = errors.New("no answer")
				}
			})
			return err
		}
		g.after = func(call string, _ int) error {
			down = down || call == "end"
			return nil
		}
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		for g.count("end") == 0 {
			pause(t.Context(), time.Second)
		}
		stop()
		down, g.after = false, nil
		if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); !refusedAs(err, NotNow) {
			t.Errorf("cancelling what is ended already: %v", err)
		}
		g.unmark() // and the approval is gone when the next replica looks
		defer g.run(t.Context(), e)()
		r = g.until(e, r.Key(), Asking)
		for _, ev := range g.journal(r.Key()) {
			if ev.Card == 1 && ev.Kind == event.Void && strings.Contains(ev.Text, "still valid") {
				t.Errorf("people were told: %s", ev.Text)
			}
		}
	})
}

// TestStoreDownBeforeTheEnd: an end that cannot be recorded is not made, and
// is made when it can.
func TestStoreDownBeforeTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		stop()
		g.approve(e, r)
		down, marked := true, false
		g.before = func(call string, _ int) error {
			marked = marked || call == "marks"
			return nil
		}
		g.store.Fail = func(string, state.Change) (err error) {
			g.in(func() {
				if down && marked {
					err = errors.New("no answer")
				}
			})
			return err
		}
		defer g.run(t.Context(), e)()
		pause(t.Context(), time.Hour)
		g.mu.Lock()
		if len(g.ended) > 0 {
			t.Errorf("ended %v without a record of it", g.ended)
		}
		down = false
		g.mu.Unlock()
		g.until(e, r.Key(), Succeeded)
	})
}

// TestFailingCertificateVoidsTheApproval: production is rolled back between
// approval and end. The approval is not kept for the day on which it recovers.
func TestFailingCertificateVoidsTheApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		stop()
		g.approve(e, r)
		fresh := g.running[Production]
		g.running[Production] = oldValue
		defer g.run(t.Context(), e)()
		r = g.until(e, r.Key(), Stuck)
		if r.Card.State != CardVoid {
			t.Errorf("the card is %s", r.Card.State)
		}
		g.running[Production] = fresh
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		if r = g.until(e, r.Key(), Asking); r.Card.Number != 2 || len(g.ended) > 0 {
			t.Errorf("card %d, ended %v", r.Card.Number, g.ended)
		}
	})
}

// TestUnclearProbesNag: the service answers no probe of the old key for hours.
// It is not asked in a tight loop, people hear of it, and one refusal before
// does not become a death certificate by the passing of time.
func TestUnclearProbesNag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.after = func(call string, _ int) error {
			g.mute = g.mute || call == "probe" && len(g.ended) > 0 // after the first refusal
			return nil
		}
		g.approve(e, r)
		pause(t.Context(), 3*time.Hour)
		r = g.until(e, r.Key(), Running)
		told := 0
		for _, ev := range g.journal(r.Key()) {
			if ev.Kind == event.Retrying && ev.Posted() {
				told++
			}
		}
		if n := g.counts["probe"]; r.OldDead() || n > 100 || told == 0 || told > 10 {
			t.Errorf("dead %t, %d probes in three hours, %d posts", r.OldDead(), n, told)
		}
		g.mu.Lock()
		g.mute, g.after = false, nil
		g.mu.Unlock()
		g.until(e, r.Key(), Succeeded)
	})
}

// TestRedactedOldVersion: the vault no longer has the old value. Card and
// certificate say that the list alone proves its death.
func TestRedactedOldVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.gone[Staging], g.gone[Production] = true, true
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		told := 0
		for _, ev := range g.journal(r.Key()) {
			if ev.Kind == event.Card || ev.Kind == event.Dead {
				told++
				if !strings.Contains(ev.Text, "can no longer be read in the vault") || strings.Contains(ev.Text, "refused") {
					t.Errorf("%s: %s", ev.Kind, ev.Text)
				}
			}
		}
		if told != 2 {
			t.Errorf("%d texts were looked at", told)
		}
	})
}

// TestRedactedAndSwitchedOff: neither a probe nor the list can prove the death
// of what was only switched off.
func TestRedactedAndSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
		g.gone[Staging], g.gone[Production] = true, true
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		if r.OldDead() || r.Problem.Reason != string(fault.Unproved) {
			t.Errorf("dead %t, %+v", r.OldDead(), r.Problem)
		}
	})
}

// TestSwitchedOffThenDeleted is the whole road of a kind whose end can be
// undone.
func TestSwitchedOffThenDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		g.invariants(r)
		if len(g.keys) != 1 || g.counts["disable"] != 1 || g.counts["end"] != 1 {
			t.Errorf("%v live; switched off %d times, ended %d times", g.keys, g.counts["disable"], g.counts["end"])
		}
		for _, ev := range g.journal(r.Key()) {
			if ev.Kind == event.Dead && strings.Contains(ev.Text, "no longer lists") {
				t.Errorf("it is listed still: %s", ev.Text)
			}
		}
	})
}

// TestFailingAfterTheEndAsksAPerson: an application that needs the dead key
// is not a duty to go on with in silence.
func TestFailingAfterTheEndAsksAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.needs[Production] = "key-old"
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		if r.Problem.Reason != string(fault.Failing) || strings.Contains(r.Problem.Safe, "runs on") {
			t.Errorf("people were told: %+v", r.Problem)
		}
	})
}

// TestSecondWatchHeals: a forgotten consumer shows in the watch after the end.
// What was only switched off is switched on again at once, even when the first
// attempts at that fail.
func TestSecondWatchHeals(t *testing.T) {
	t.Parallel()
	for name, failures := range map[string]int{"at once": 0, "in the end": 9} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
				g.measure = func(deploy.Window) deploy.Measurement {
					if g.off["key-old"] {
						return deploy.Measurement{Outcome: deploy.Bad, Hard: true, Value: 1, Requests: 10}
					}
					return deploy.Measurement{Outcome: deploy.OK, Requests: 100}
				}
				g.before = func(call string, n int) error {
					if call == "enable" && n <= failures {
						return again(fault.ServerError)
					}
					return nil
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				g.approve(e, r)
				r = g.until(e, r.Key(), Pending)
				g.invariants(r)
				if !g.accepted("key-old") || len(r.Ends) > 0 || r.Card.State != CardVoid {
					t.Errorf("accepted %t, ends %v, card %s", g.accepted("key-old"), r.Ends, r.Card.State)
				}
			})
		})
	}
}

// TestLastingDutyIsBounded: a service goes on accepting the old key for hours.
// It is ended again and again, people hear of it now and then, and the record
// does not grow.
func TestLastingDutyIsBounded(t *testing.T) {
	long(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.after = func(call string, _ int) error {
			if call == "end" {
				g.keys["key-old"] = key{"by hand", oldValue}
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		pause(t.Context(), 12*time.Hour)
		r = g.until(e, r.Key(), Running)
		posted := 0
		for _, ev := range g.journal(r.Key()) {
			if ev.Posted() {
				posted++
			}
		}
		if ends := g.counts["end"]; ends < 100 || posted > 40 || len(r.Times) > maxTimes {
			t.Errorf("ended %d times, %d posts, %d timings", ends, posted, len(r.Times))
		}
		g.mu.Lock()
		g.after = nil
		g.mu.Unlock()
		g.until(e, r.Key(), Succeeded)
	})
}
