package rotation

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// TestGuided is the whole road of a credential that a person makes: asked for
// once, taken from the inbox, switched off, deleted.
func TestGuided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.guide()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if g.counts["issue"] != 0 || g.counts["guide"] != 1 || g.counts["collect "+Production] != 0 || len(g.inbox) != 0 {
			t.Errorf("issued %d times, asked %d times, inbox %v", g.counts["issue"], g.counts["guide"], g.inbox)
		}
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		g.invariants(r)
		if !slices.Equal(g.ended, []providers.ID{"key-old"}) || g.counts["disable"] != 1 || !r.Ends[""].Unlisted || r.Errand != nil {
			t.Errorf("ended %v, disabled %d times, %+v", g.ended, g.counts["disable"], r.Ends)
		}
		asked := g.journal(r.Key())
		i := slices.IndexFunc(asked, func(ev event.Event) bool { return ev.Kind == event.Guide })
		for _, part := range []string{"https://console.test/keys", asked[i].Facts["label"], "folder /inbox of staging", "Never into Slack", "Nothing was"} {
			if !strings.Contains(asked[i].Text, part) || !asked[i].Urgent() {
				t.Errorf("people are not told %q:\n%s", part, asked[i].Text)
			}
		}
		if !strings.HasPrefix(asked[i].Facts["label"], "rk_test_all_"+r.ID+"_") {
			t.Errorf("the label is %q", asked[i].Facts["label"])
		}
	})
}

// TestGuidedApart: each environment has a key of its own, and an inbox.
func TestGuidedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.guide()
		g.apart()
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if g.counts["guide"] != 2 || r.Places[Staging].New.ID == r.Places[Production].New.ID {
			t.Errorf("asked %d times, new %+v", g.counts["guide"], r.Places)
		}
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		g.invariants(r)
		if !slices.Equal(g.ended, []providers.ID{"key-olds", "key-old"}) || g.counts["disable"] != 2 {
			t.Errorf("ended %v, disabled %d times", g.ended, g.counts["disable"])
		}
	})
}

// TestWrongValues: what is not the key that was asked for gets one sentence
// and the wait goes on. It stays in the inbox, and no vault place is written.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bring func(g *rig) string
		told  string
	}{
		"the old key":     {func(*rig) string { return oldValue }, "the key that production uses now"},
		"nothing useful":  {func(*rig) string { return "hello" }, "not the form"},
		"never issued":    {func(*rig) string { return "key-x:0000000000000000000000000000" }, "does not know"},
		"another name":    {func(g *rig) string { return g.byConsole("mine") }, "another name"},
		"ended already":   {func(g *rig) string { v := g.byConsole(g.labels[Staging]); delete(g.keys, g.issued[0]); return v }, "does not know"},
		"the other env's": {func(g *rig) string { return g.keys["key-olds"].value }, "the key that staging uses now"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.guide()
				g.apart()
				g.person = func(env string, polls int) {
					switch {
					case env == Staging && polls == 2:
						g.paste(env, c.bring(g))
					case env == Staging && polls == 40:
						g.paste(env, g.byConsole(g.labels[env]))
					case env == Production:
						g.diligent(env, polls)
					}
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.start(e)
				for g.count("inspect")+g.count("collect "+Staging) < 30 {
					pause(t.Context(), time.Second)
				}
				r = g.until(e, r.Key(), Running)
				if r.Errand == nil || len(g.vault[Staging]) != 1 || len(g.inbox) != 1 {
					t.Errorf("errand %+v, %d versions, inbox %v", r.Errand, len(g.vault[Staging]), g.inbox)
				}
				r = g.until(e, r.Key(), Asking)
				if n := g.told(r.Key(), c.told); n != 1 {
					t.Errorf("people were told %d times: %q", n, c.told)
				}
				for _, ev := range g.journal(r.Key()) {
					if strings.Contains(ev.Text, "0123456789abcdef") || strings.Contains(ev.Text, "hello") {
						t.Errorf("a value was told: %s", ev.Text)
					}
				}
			})
		})
	}
}

// TestNobodyComes: people are reminded, then the waiting ends; a retry asks
// anew, and the key that comes then is taken.
func TestNobodyComes(t *testing.T) {
	long(t)
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.guide()
		g.person = func(string, int) {}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.start(e)
		for r.State == Running {
			pause(t.Context(), time.Hour)
			r = g.until(e, r.Key(), Running, Stuck)
		}
		if r.Problem == nil || r.Problem.Reason != string(fault.Unanswered) || !strings.Contains(r.Problem.Safe, "Old key still valid") {
			t.Errorf("%s: %+v", r.State, r.Problem)
		}
		if n := g.told(r.Key(), "Still waiting"); n < 10 || n > 12 {
			t.Errorf("reminded %d times in 48 hours", n)
		}
		g.in(func() { g.person = nil })
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.until(e, r.Key(), Asking)
		if g.counts["guide"] != 2 {
			t.Errorf("asked %d times", g.counts["guide"])
		}
	})
}

// TestRetryTakesWhatWasMadeMeanwhile: a key was made when it was asked for, and
// hours later somebody retries what had stopped. It is taken, whether it lay in
// the inbox all along or is brought now, and nobody is asked for a second one.
func TestRetryTakesWhatWasMadeMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		arranged func(g *rig, value string)
		asked    int
	}{
		"it lay in the inbox": {func(g *rig, value string) { g.paste(Staging, value) }, 1},
		"it is brought now":   {func(g *rig, value string) { g.paste(Staging, "nonsense"); g.late = value }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.guide()
				g.person = func(env string, polls int) {
					switch {
					case polls == 2 && len(g.issued) == 0:
						c.arranged(g, g.byConsole(g.labels[env]))
					case polls == 2 && g.late != "":
						g.paste(env, g.late)
					}
				}
				g.before = func(call string, _ int) error {
					if call == "inspect" {
						return fault.New("inspecting", fault.Unauthorized, "")
					}
					return nil
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Stuck)
				pause(t.Context(), 5*time.Hour)
				g.in(func() { g.before = nil })
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				r = g.until(e, r.Key(), Asking)
				if g.counts["guide"] != c.asked || g.told(r.Key(), "made before") != 0 || len(g.issued) != 1 || r.Places[Staging].New.ID != g.issued[0] {
					t.Errorf("asked %d times, made %v, new %+v", g.counts["guide"], g.issued, r.Places[Staging].New)
				}
			})
		})
	}
}

// TestCancelWhileWaiting: a key that was made and not brought is ended, what
// lies in the inbox is left and people are told of it.
func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.guide()
		g.person = func(env string, polls int) {
			if polls == 2 {
				_ = g.byConsole(g.labels[env])
				g.paste(env, "something else")
			}
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		g.start(e)
		pause(t.Context(), time.Minute)
		r, err := e.Cancel(t.Context(), "FAL_KEY", requester)
		if err != nil || r.State != Abandoned {
			t.Fatalf("%v, %v", r, err)
		}
		g.invariants(r)
		if len(g.keys) != 1 || len(g.inbox) != 1 || g.told(r.Key(), "remove what lies there") != 1 {
			t.Errorf("keys %v, inbox %v", g.keys, g.inbox)
		}
	})
}

// TestInboxTrouble: what goes wrong for a while at the vault or the service
// does not end the waiting, however often it happens over the days.
func TestInboxTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.guide()
		g.person = func(env string, polls int) {
			if polls == 2000 {
				g.paste(env, g.byConsole(g.labels[env]))
			}
		}
		g.before = func(call string, n int) error {
			if call == "collect "+Staging && n%7 == 0 || call == "inspect" && n < 3 {
				return again(fault.ServerError)
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.start(e)
		for r.State == Running {
			pause(t.Context(), time.Hour)
			r = g.until(e, r.Key(), Running, Stuck, Asking)
		}
		if r.State != Asking {
			t.Errorf("%s: %+v", r.State, r.Problem)
		}
	})
}

// TestInboxNotSecluded: nothing begins while somebody else reads the inbox.
func TestInboxNotSecluded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.guide()
		g.before = func(call string, _ int) error {
			if call == "seclude "+Staging {
				return fault.New("looking at the inbox", fault.Managed, "a sync reads it")
			}
			return nil
		}
		if _, err := g.engine("one").Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester}); !refusedAs(err, SurveyStopped) {
			t.Errorf("started: %v", err)
		}
	})
}

// TestAnotherValueComesLate: what is pasted while the first value is being
// written is somebody's, and stays.
func TestAnotherValueComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.guide()
		g.after = func(call string, n int) error {
			if call == "write "+Staging {
				g.paste(Staging, "one more")
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if len(g.inbox) != 1 || g.told(r.Key(), "was left there") != 1 {
			t.Errorf("inbox %v", g.inbox)
		}
	})
}

// TestAnotherValueComesBeforeTheRetry: the answer to the write made no sense,
// and before somebody retries, another value is pasted. Nobody has read it.
func TestAnotherValueComesBeforeTheRetry(t *testing.T) {
	for name, late := range map[string]string{"another value": "one more", "the same value": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.guide()
				g.after = func(call string, n int) error {
					if call == "write "+Staging {
						g.paste(Staging, orElse(late, g.keys[g.issued[0]].value))
						return fault.New("writing", fault.Unexplained, "")
					}
					return nil
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Stuck)
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				g.until(e, r.Key(), Asking)
				left := 0
				if late != "" {
					left = 1
				}
				if len(g.inbox) != left || g.told(r.Key(), "was left there") != left || g.told(r.Key(), "empty again") != 1-left {
					t.Errorf("inbox %v, told %d times that it was left there", g.inbox, g.told(r.Key(), "was left there"))
				}
			})
		})
	}
}

// TestHealedBeforeTheDelete: the application fails between the second watch
// and the delete. The delete does not happen and the old key works again.
func TestHealedBeforeTheDelete(t *testing.T) {
	t.Parallel()
	last := looksBeforeTheDelete(t)
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
		g.after = func(call string, n int) error {
			if call == "survey" && n == last {
				g.needs[Production] = "key-old"
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Pending)
		if !g.accepted("key-old") || len(g.ended) != 0 || r.Card.State != CardVoid {
			t.Errorf("accepted %t, ended %v, card %s", g.accepted("key-old"), g.ended, r.Card.State)
		}
	})
}

// looksBeforeTheDelete is how often a rotation in which nothing goes wrong has
// looked at the service when it deletes: the last look is the delete's own, and
// comes before everything that is weighed.
func looksBeforeTheDelete(t *testing.T) (n int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
		g.before = func(call string, _ int) error {
			if call == "end" {
				n = g.counts["survey"]
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		g.until(e, r.Key(), Succeeded)
	})
	return n
}

// TestWithdrawnBeforeTheDelete: the approval is gone between the two acts. The
// old key stays switched off and people are asked again.
func TestWithdrawnBeforeTheDelete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
		g.after = func(call string, _ int) error {
			if call == "disable" {
				g.marks.Marks = nil
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		for r = g.until(e, r.Key(), Running, Asking); r.Card.Number == 1; r = g.until(e, r.Key(), Running, Asking) {
			pause(t.Context(), 10*time.Second)
		}
		r = g.until(e, r.Key(), Asking)
		if g.accepted("key-old") || len(g.ended) != 0 {
			t.Errorf("accepted %t, ended %v", g.accepted("key-old"), g.ended)
		}
		g.in(func() { g.after = nil })
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		g.invariants(r)
	})
}
