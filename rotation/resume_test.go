package rotation

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/state"
)

// TestWatchShortenedMeanwhile: a watch goes on by the rules it began with,
// whatever the configuration says after a restart.
func TestWatchShortenedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.start(e)
		for r.Vigils[Watch] == nil || r.Vigils[Watch].done() < 8 {
			pause(t.Context(), time.Second)
			r = g.until(e, r.Key(), Running)
		}
		stop()
		g.configure = func(s *Subject) { s.Watch.Window = 5 * time.Minute }
		e = g.engine("two")
		defer g.run(t.Context(), e)()
		r = g.until(e, r.Key(), Asking)
		if n := len(r.Vigils[Watch].Series[0].Ticks); n != 15 {
			t.Errorf("it passed after %d ticks", n)
		}
	})
}

// TestRetryOutlivesAnOutage: a service that was down for longer than Rekey
// tries by itself is asked again when a person says so, in either environment.
func TestRetryOutlivesAnOutage(t *testing.T) {
	for name, first := range map[string]int{Staging: 1, Production: 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.apart()
				on("issue", first, again(fault.ServerError))(g)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Stuck)
				if n := g.counts["issue"]; n > first+maxIssues {
					t.Errorf("the service was asked %d times", n)
				}
				g.before = nil
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				g.until(e, r.Key(), Asking)
			})
		})
	}
}

// TestFailedCommitGivesTheLeaseUp: a decision that could not be stored leaves
// no lease behind, so that it can be taken up at once.
func TestFailedCommitGivesTheLeaseUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		stop()
		down := true
		g.store.Fail = func(string, state.Change) error {
			if down {
				return errors.New("no answer")
			}
			return nil
		}
		g.mark(true, approver, mayVote)
		if _, err := e.Consider(t.Context(), r.Key(), 1, g.marks); err == nil {
			t.Fatal("the decision was stored by a store that is down")
		}
		down = false
		before := time.Now()
		if _, err := e.Consider(t.Context(), r.Key(), 1, g.marks); err != nil || time.Since(before) > 0 {
			t.Errorf("counted again after %s: %v", time.Since(before), err)
		}
	})
}
