package rotation

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		g.store.Fail = func(string, state.Change) error {
			if down {
				return errors.New("no answer")
			}
			return nil
		}
		g.after = func(call string, _ int) error {
			down = down || call == "end"
			return nil
		}
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		for len(g.ended) == 0 {
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
		g.store.Fail = func(string, state.Change) error {
			if down && marked {
				return errors.New("no answer")
			}
			return nil
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
