package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/rotation/event"
	"rekey/state"
)

// TestWatchShortenedMeanwhile: a watch goes on by the rules it began with,
// whatever the configuration says after a restart.
func TestWatchShortenedMeanwhile(t *testing.T) {
	t.Parallel()
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

// TestSecretLeavesTheConfiguration: nobody can drive its rotation any more.
// People are told, and it goes on when the secret is back.
func TestSecretLeavesTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.start(e)
		pause(t.Context(), 2*time.Minute)
		stop()
		g.setup = func(c *Config) { c.Subjects = nil }
		e = g.engine("two")
		stop = g.run(t.Context(), e)
		pause(t.Context(), time.Minute)
		if r = g.until(e, r.Key(), Running, Stuck); r.State != Running {
			t.Error("a replica that starts before the others settled the matter")
		}
		g.until(e, r.Key(), Stuck)
		stop()
		g.setup = nil
		e = g.engine("three")
		defer g.run(t.Context(), e)()
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.until(e, r.Key(), Asking)
	})
}

// TestBrokenRecordsHideNothing: records that cannot be read are due for ever,
// and first. What comes after them is driven all the same.
func TestBrokenRecordsHideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.setup = func(c *Config) { c.Drivers = 2 }
		for i := range 3 {
			err := g.store.Create(t.Context(), state.Creation{Key: fmt.Sprintf("rotation/broken%d", i), Change: state.Change{Body: []byte("{}"), Timer: time.Now()}})
			if err != nil {
				t.Fatal(err)
			}
		}
		g.store.Damage("rotation/broken1")
		pause(t.Context(), time.Second)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if names, err := e.Unreadable(t.Context()); err != nil || !slices.Equal(names, []string{"rotation/broken0", "rotation/broken1", "rotation/broken2"}) {
			t.Errorf("unreadable are %v, %v", names, err)
		}
		if open, err := e.Open(t.Context()); err != nil || len(open) != 1 || open[0].ID != r.ID {
			t.Errorf("open are %v, %v", open, err)
		}
		if list, err := e.Overview(t.Context()); err != nil || list[0].Rotation == nil {
			t.Errorf("the overview is %+v, %v", list, err)
		}
		if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); err != nil {
			t.Error(err)
		}
	})
}

// crowd is an application that is slow to answer and counts who asks it.
type crowd struct{ now, most *atomic.Int32 }

func (c crowd) Attest(ctx context.Context, _ string, _, _ secret.Value) (deploy.Testimony, error) {
	c.most.Store(max(c.most.Load(), c.now.Add(1)))
	defer c.now.Add(-1)
	pause(ctx, 30*time.Second)
	return deploy.Testimony{Agreed: true}, nil
}

// TestDriversAreBounded: a hundred rotations are due, and as many are driven
// at once as the configuration allows; all get their turn.
func TestDriversAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		c := crowd{new(atomic.Int32), new(atomic.Int32)}
		g.measure = func(deploy.Window) deploy.Measurement { return deploy.Measurement{Outcome: deploy.Error} }
		g.setup = func(cfg *Config) {
			cfg.Drivers = 4
			cfg.Retry = Retry{Attempts: 1}
			s := cfg.Subjects[0]
			cfg.Subjects = nil
			for env, stage := range s.Stages {
				stage.Attester = c
				s.Stages[env] = stage
			}
			for i := range 100 {
				s.Name, s.Slots = fmt.Sprintf("S%d", i), nil
				cfg.Subjects = append(cfg.Subjects, s)
			}
		}
		e := g.engine("one")
		var all []*Rotation
		for i := range 100 {
			r, err := e.Start(t.Context(), Order{Secret: fmt.Sprintf("S%d", i), Requester: requester})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		defer g.run(t.Context(), e)()
		for _, r := range all {
			g.until(e, r.Key(), Stuck)
		}
		if n := c.most.Load(); n != 4 {
			t.Errorf("%d were driven at once, 4 are allowed", n)
		}
	})
}

// TestKeyThatShowsLate: the answer to a creation was lost, the list did not
// have it, another key was made; and then the service lists the first one.
func TestKeyThatShowsLate(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"all", Staging, Production} {
		t.Run(env, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				if env != "all" {
					g.apart()
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				g.keys["key-late"] = key{"rk_test_" + env + "_" + r.ID + "_9", "key-late:0000000000000000000000"}
				g.keys["key-other"] = key{"rk_test_" + env + "_aaaaaaaaaa_1", g.running[Staging]} // of another rotation: not ours to judge
				g.approve(e, r)
				r = g.until(e, r.Key(), Succeeded)
				delete(g.keys, "key-other")
				g.invariants(r)
				if slices.Contains(g.ended, "key-other") || !slices.Contains(kinds(g.journal(r.Key())), event.Swept) {
					t.Errorf("ended %v; told %v", g.ended, kinds(g.journal(r.Key())))
				}
			})
		})
	}
}

func kinds(events []event.Event) []event.Kind {
	var all []event.Kind
	for _, ev := range events {
		all = append(all, ev.Kind)
	}
	return all
}

// echo is a store that gets every creation twice, because the first answer was
// lost on the way.
type echo struct{ Store }

func (s echo) Create(ctx context.Context, c state.Creation) error {
	if err := s.Store.Create(ctx, c); err != nil {
		return err
	}
	return s.Store.Create(ctx, c)
}

// TestStartWhoseAnswerWasLost: the rotation is stored and goes on; whoever
// asked for it is not told that it failed.
func TestStartWhoseAnswerWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.setup = func(c *Config) { c.Store = echo{g.store} }
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		g.until(e, g.start(e).Key(), Asking)
	})
}

// TestCancelWithASlowService: listing takes longer than a lease.
func TestCancelWithASlowService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		on("write staging", 1, fault.New("testing", fault.Forbidden, ""))(g)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		g.until(e, g.start(e).Key(), Stuck)
		stop()
		g.before = func(call string, _ int) error {
			if call == "list" {
				pause(t.Context(), 30*time.Second)
			}
			return nil
		}
		r, err := e.Cancel(t.Context(), "FAL_KEY", requester)
		if err != nil || r.State != Abandoned || len(g.keys) != 1 {
			t.Errorf("%v, %v live", err, g.keys)
		}
	})
}
