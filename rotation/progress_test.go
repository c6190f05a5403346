package rotation

import (
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/rotation/event"
	"rekey/rotation/watch"
	"rekey/state"
)

// TestEveryLookLeavesItsHint: who shows the watch hears of each look, by the
// commit that stores it and by no other.
func TestEveryLookLeavesItsHint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		hints := map[string]int{}
		commits := 0
		g.store.Fail = func(_ string, c state.Change) error {
			commits++
			if c.Hint != "" {
				hints[c.Hint]++
			}
			return nil
		}
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.start(e)
		for r.Vigils[Watch] == nil || r.Vigils[Watch].done() < 8 {
			pause(t.Context(), time.Second)
			r = g.until(e, r.Key(), Running)
		}
		before := commits
		stop()
		defer g.run(t.Context(), g.engine("two"))() // another replica goes on
		r = g.until(e, r.Key(), Asking)
		if n := hints[WatchHint(r.Key(), 1)]; n != 16 {
			t.Errorf("%d hints for 15 looks and the last one: %v", n, hints)
		}
		if n := commits - before; n > 8+2 { // eight looks, and what follows
			t.Errorf("%d commits from the eighth look to the request", n)
		}
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		if n := hints[WatchHint(r.Key(), 2)]; n != 6 || len(hints) != 2 {
			t.Errorf("the watch after the end left %d hints: %v", n, hints)
		}
	})
}

// TestAWatchBegunAnewHasANumberOfItsOwn: what was said of the one before stays
// true of that one.
func TestAWatchBegunAnewHasANumberOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.measure = func(deploy.Window) deploy.Measurement {
			return deploy.Measurement{Outcome: deploy.OK, Requests: 100, Latency: 40 * time.Millisecond}
		}
		bad := true
		healthy := g.measure
		g.measure = func(w deploy.Window) deploy.Measurement {
			if bad && len(g.deploys) > 1 { // production is live
				return deploy.Measurement{Outcome: deploy.Bad, Hard: true, Value: 2, Requests: 100}
			}
			return healthy(w)
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Stuck)
		first, step, ok := r.VigilOf(1)
		if !ok || step.Act != Watch || first.Verdict != watch.Failed || first.Ended().IsZero() {
			t.Fatalf("the first watch: %+v, %v", first, ok)
		}
		g.in(func() { bad = false })
		if _, err := e.Retry(t.Context(), r.Secret, requester); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking)
		if _, _, ok := r.VigilOf(1); ok {
			t.Error("the first watch is still there")
		}
		second, _, ok := r.VigilOf(2)
		if !ok || second.Verdict != watch.Passed || second.Looks() != 15 {
			t.Fatalf("the second watch: %+v, %v", second, ok)
		}
		if got := second.Series[1].Before; got != 40*time.Millisecond {
			t.Errorf("an answer took %s before the deployment", got)
		}
		var begun, ended []string
		for _, ev := range g.journal(r.Key()) {
			switch ev.Kind {
			case event.Watching:
				begun = append(begun, ev.Facts["watch"])
			case event.Verdict:
				ended = append(ended, ev.Facts["watch"]+" "+ev.Facts["verdict"])
			}
		}
		if len(begun) != 2 || begun[1] != "2" || len(ended) != 2 || ended[0] != "1 failed" || ended[1] != "2 passed" {
			t.Errorf("begun %v, ended %v", begun, ended)
		}
	})
}
