package rotation

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/rotation/event"
	"rekey/rotation/watch"
)

// story is one disturbed run: arrange the world, say where it must come to
// rest, and look.
type story struct {
	name    string
	arrange func(g *rig)
	state   State
	step    string       // where it rests
	reason  fault.Reason // of the problem
	look    func(t *testing.T, g *rig, r *Rotation)
}

// on fails the calls of a name from the nth on.
func on(call string, n int, err error) func(g *rig) {
	return func(g *rig) {
		g.before = func(c string, count int) error {
			if c == call && count >= n {
				return err
			}
			return nil
		}
	}
}

func again(r fault.Reason) error { return &fault.Error{Op: "testing", Class: fault.Again, Reason: r} }

func TestStopsWithTheOldKeyAlive(t *testing.T) {
	t.Parallel()
	silent := func(o deploy.Measurement) func(g *rig) {
		return func(g *rig) {
			// Before the start the source answers; after it, this.
			g.measure = func(deploy.Window) deploy.Measurement {
				if g.counts["deploy production"] == 0 {
					return deploy.Measurement{Outcome: deploy.OK, Requests: 100}
				}
				return o
			}
		}
	}
	for _, s := range []story{
		{name: "the service refuses the admin key while creating", arrange: on("issue", 1, fault.New("creating", fault.Unauthorized, "")), state: Stuck, step: "issue(staging)", reason: fault.Unauthorized},
		{name: "the service is down for good", arrange: on("issue", 1, again(fault.ServerError)), state: Stuck, step: "issue(staging)", reason: fault.Ambiguous},
		{name: "a check does not answer before the start", arrange: on("logs", 1, errReplicaDied), state: Stuck, step: "preflight", reason: fault.CannotMeasure},
		{name: "staging does not take the new key", arrange: func(g *rig) { g.misled[Staging] = true }, state: Stuck, step: "prove(staging)", reason: fault.Unproved},
		{name: "production does not take the new key", arrange: func(g *rig) { g.misled[Production] = true }, state: Stuck, step: "prove(production)", reason: fault.Unproved},
		{name: "the deployment fails", arrange: func(g *rig) {
			g.after = func(c string, _ int) error {
				if c == "deploy production" {
					for id := range g.deploys {
						g.deploys[id] = deploy.Failed
					}
				}
				return nil
			}
		}, state: Stuck, step: "deploy(production)", reason: fault.Failing},
		{name: "somebody writes production in between", arrange: func(g *rig) {
			g.after = func(c string, _ int) error {
				if c == "deploy staging" {
					g.vault[Production] = append(g.vault[Production], version{value: "key-other:0123456789abcdef"})
				}
				return nil
			}
		}, state: Stuck, step: "write(production)", reason: fault.ChangedByOther},
		{name: "the watch sees this credential's own error", arrange: silent(deploy.Measurement{Outcome: deploy.Bad, Hard: true, Value: 1, Requests: 50, Detail: "401"}), state: Stuck, step: "watch", reason: fault.Failing,
			look: verdict(watch.Failed)},
		{name: "the log source is silent", arrange: silent(deploy.Measurement{Outcome: deploy.NoData}), state: Stuck, step: "watch", reason: fault.CannotMeasure, look: verdict(watch.Inconclusive)},
		{name: "the log source is down", arrange: silent(deploy.Measurement{Outcome: deploy.Error}), state: Stuck, step: "watch", reason: fault.CannotMeasure, look: verdict(watch.CannotMeasure)},
		{name: "nobody approves in time", arrange: func(*rig) {}, state: Pending, step: "approve"},
	} {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { s.play(t) })
		})
	}
}

func (s story) play(t *testing.T) {
	g := newRig(t)
	s.arrange(g)
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	r := g.untilLong(e, g.start(e).Key(), s.state)
	g.invariants(r)
	if _, alive := g.keys["key-old"]; !alive || len(g.ended) > 0 && g.ended[0] == "key-old" {
		t.Error("the old key was ended")
	}
	if step, _ := r.Step(); step.String() != s.step {
		t.Errorf("it rests at %s, want %s", step, s.step)
	}
	if s.reason != "" && (r.Problem == nil || r.Problem.Reason != string(s.reason)) {
		t.Errorf("problem %+v, want reason %s", r.Problem, s.reason)
	}
	if p := r.Problem; p != nil && (!strings.Contains(p.Safe, "Old key still valid") || p.Next == "") {
		t.Errorf("the problem does not say what is safe and what is next: %+v", p)
	}
	if s.look != nil {
		s.look(t, g, r)
	}
}

// untilLong is until for states that are days away.
func (g *rig) untilLong(e *Engine, key string, want State) *Rotation {
	g.t.Helper()
	for range 400 {
		r, err := e.Load(g.t.Context(), key)
		if err != nil {
			g.t.Fatal(err)
		}
		if r.State == want {
			return r
		}
		pause(g.t.Context(), 10*time.Minute)
	}
	return g.until(e, key, want)
}

func verdict(want watch.Verdict) func(*testing.T, *rig, *Rotation) {
	return func(t *testing.T, _ *rig, r *Rotation) {
		if got := r.Vigils[Watch].Verdict; got != want {
			t.Errorf("the watch came to %q, want %q", got, want)
		}
	}
}

// TestLostAnswerAfterCreate: the key exists, its value is gone. It is deleted
// and another one made; nothing else is ever deleted.
func TestLostAnswerAfterCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.after = func(call string, n int) error {
			if call == "issue" && n == 1 {
				return &fault.Error{Op: "creating", Class: fault.Lost, Reason: fault.TimedOut}
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if len(g.issued) != 2 || len(g.ended) != 1 || g.ended[0] != g.issued[0] {
			t.Errorf("issued %v, ended %v", g.issued, g.ended)
		}
		if r.New().Label != "rk_test_all_"+r.ID+"_2" {
			t.Errorf("the second key is labelled %q", r.New().Label)
		}
	})
}

// TestCreatesAreBounded: a service that loses every answer must not fill up.
func TestCreatesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.after = func(call string, _ int) error {
			if call == "issue" {
				return &fault.Error{Op: "creating", Class: fault.Lost, Reason: fault.TimedOut}
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		g.until(e, g.start(e).Key(), Stuck)
		if len(g.issued) > maxIssues || len(g.keys) > 2 {
			t.Errorf("%d keys were made, %d live", len(g.issued), len(g.keys))
		}
	})
}

func TestVetoAndRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.mark(false, approver, mayVote)
		g.mark(true, Person{ID: "T1/U3"}, mayVote)
		g.in(func() { g.marks.Marks[0].Reason = "a release is out" })
		g.consider(e, r)
		r = g.until(e, r.Key(), Pending)
		if r.Card.State != CardDenied || len(g.ended) > 0 || r.Card.Denied.Reason != "a release is out" {
			t.Errorf("card %+v, ended %v", r.Card, g.ended)
		}
		if last := g.journal(r.Key())[len(g.journal(r.Key()))-1]; last.Kind != event.Denied || last.Facts["reason"] != "a release is out" {
			t.Errorf("the journal ends with %+v", last)
		}
		if _, err := e.Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester}); !refusedAs(err, AlreadyRunning) {
			t.Errorf("a second rotation: %v", err)
		}
		g.unmark()
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking)
		if r.Card.Number != 2 {
			t.Errorf("asked again on card %d", r.Card.Number)
		}
		g.approve(e, r)
		g.until(e, r.Key(), Succeeded)
	})
}

func refusedAs(err error, code RefusalCode) bool {
	var refused *Refusal
	return errors.As(err, &refused) && refused.Code == code
}

// TestMarkRemovedBeforeTheAct: the approval was counted, and is gone when the
// act comes. Nothing ends; a new card asks.
func TestMarkRemovedBeforeTheAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		stop() // so that the removal comes before the act
		g.approve(e, r)
		g.unmark()
		defer g.run(t.Context(), e)()
		synctest.Wait()
		r = g.until(e, r.Key(), Asking)
		if r.Card.Number != 2 || len(g.ended) > 0 {
			t.Errorf("card %d, ended %v", r.Card.Number, g.ended)
		}
	})
}

// TestEvidenceChangedBeforeTheAct: production was written by somebody between
// approval and act. The approval does not stand.
func TestEvidenceChangedBeforeTheAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		stop()
		g.approve(e, r)
		g.vault[Production] = append(g.vault[Production], version{value: oldValue})
		defer g.run(t.Context(), e)()
		if r = g.until(e, r.Key(), Stuck); len(g.ended) > 0 || r.Card.State != CardVoid {
			t.Errorf("card %s, ended %v", r.Card.State, g.ended)
		}
	})
}

// TestSlackDownAtTheAct: an approval whose source cannot be asked does not
// stand, however often; when the source answers again it does.
func TestSlackDownAtTheAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		down := true
		g.before = func(call string, _ int) error {
			if call == "marks" && down {
				return errors.New("no route")
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		pause(t.Context(), 2*time.Hour)
		g.mu.Lock()
		if len(g.ended) > 0 {
			t.Errorf("ended %v while the approval could not be re-checked", g.ended)
		}
		down = false
		g.mu.Unlock()
		g.until(e, r.Key(), Succeeded)
	})
}

// TestStillAliveIsEndedAgain: a service that says it deleted and did not.
func TestStillAliveIsEndedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.after = func(call string, n int) error {
			if call == "end" && n == 1 {
				g.keys["key-old"] = key{"by hand", oldValue}
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		if len(g.ended) != 2 || !r.OldDead() {
			t.Errorf("ended %v", g.ended)
		}
	})
}

// TestHeldForApproval: the vault keeps the write; it is not sent twice and
// the rotation goes on when somebody merged it.
func TestHeldForApproval(t *testing.T) {
	t.Parallel()
	for _, env := range environments() {
		t.Run(env, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { held(t, env) })
		})
	}
}

func held(t *testing.T, env string) {
	g := newRig(t)
	g.before = func(call string, _ int) error {
		if call == "write "+env {
			return fault.New("writing", fault.HeldForApproval, "request r-1")
		}
		return nil
	}
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	r := g.start(e)
	pause(t.Context(), time.Hour)
	g.mu.Lock()
	if n := g.counts["write "+env]; n != 1 || len(g.issued) != 1 || len(g.ended) != 0 {
		t.Errorf("the write was sent %d times, issued %v, ended %v", n, g.issued, g.ended)
	}
	g.vault[env] = append(g.vault[env], version{value: g.keys[g.issued[0]].value})
	g.mu.Unlock()
	g.until(e, r.Key(), Asking)
}

func TestCancel(t *testing.T) {
	for _, c := range []struct {
		name  string
		fails string // the call that keeps failing, so that the rotation rests there
		want  State
	}{
		{"before anything", "attest staging", Abandoned},
		{"with a key that reached nobody", "write staging", Abandoned},
		{"with staging written", "deploy staging", Stuck},
		{"with production written", "deploy production", Pending},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				on(c.fails, 1, fault.New("testing", fault.Forbidden, ""))(g)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				g.until(e, g.start(e).Key(), Stuck)
				r, err := e.Cancel(t.Context(), "FAL_KEY", requester)
				if err != nil {
					t.Fatal(err)
				}
				if r.State != c.want {
					t.Errorf("it is %s, want %s", r.State, c.want)
				}
				g.invariants(r)
				if _, alive := g.keys["key-old"]; !alive {
					t.Error("the old key was ended")
				}
			})
		})
	}
}

// TestTwoAtOnce: one rotation per secret, whoever asks on whatever replica.
func TestTwoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		errs := make(chan error)
		for _, name := range []string{"one", "two", "three"} {
			e := g.engine(name)
			go func() {
				_, err := e.Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester})
				errs <- err
			}()
		}
		started := 0
		for range 3 {
			if err := <-errs; err == nil {
				started++
			} else if !refusedAs(err, AlreadyRunning) {
				t.Errorf("refused with %v", err)
			}
		}
		if started != 1 {
			t.Errorf("%d rotations started", started)
		}
	})
}

// TestLeaseLostInTheAct: a replica that cannot renew must stop before another
// one starts, and must not commit.
func TestLeaseLostInTheAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		k := keeper{forgetful{g.store}, 12 * time.Second}
		l, err := g.store.Claim(t.Context(), "rotation/x", "one", k.ttl)
		if err != nil {
			t.Fatal(err)
		}
		var stopped time.Time
		_, err = k.during(t.Context(), l, func(ctx context.Context) error {
			<-ctx.Done()
			stopped = time.Now()
			return nil // an act that takes no notice of the error
		})
		if !lost(err) {
			t.Errorf("the act ended with %v", err)
		}
		if !stopped.Before(l.Until) {
			t.Errorf("the act went on until %s, the lease ended %s", stopped, l.Until)
		}
	})
}

// TestJournalReadsLikeTheStory keeps the order in which people are told.
func TestJournalReadsLikeTheStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		g.until(e, r.Key(), Succeeded)
		var told []string
		for _, ev := range g.journal(r.Key()) {
			if ev.Posted() {
				told = append(told, string(ev.Kind)+" "+ev.Step)
			}
		}
		want := "started |done preflight|done issue(staging)|done prove(staging)|done write(production)|done prove(production)|watching watch|verdict watch|card |approved |done end|dead confirm dead|watching watch after|verdict watch after|reported "
		if got := strings.Join(told, "|"); got != want {
			t.Errorf("told:\n%s\nwant:\n%s", got, want)
		}
		if _, err := event.Decode(1, []byte(`{"v":99,"kind":"done"}`)); err == nil {
			t.Error("an event of an unknown form was read")
		}
	})
}

// TestOldKeyDeadBeforeApproval: somebody ended the old key by hand. The card
// must say so instead of calling it valid.
func TestOldKeyDeadBeforeApproval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.after = func(call string, _ int) error {
			if call == "write production" {
				delete(g.keys, "key-old")
				g.running[Production] = g.vault[Staging][1].value
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		for _, ev := range g.journal(r.Key()) {
			if ev.Kind == event.Card && ev.Facts["old_refused"] != "401" {
				t.Errorf("the card's facts: %v", ev.Facts)
			}
		}
	})
}
