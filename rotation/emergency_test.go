package rotation

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// cry begins an emergency.
func (g *rig) cry(e *Engine) *Rotation {
	g.t.Helper()
	r, err := e.Start(g.t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Mode: Emergency, Reason: "it is on github"})
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

// emergencies are the kinds of world, with what has to be dead and alive in the
// end.
var emergencies = map[string]struct {
	arrange func(*rig)
	ended   []providers.ID
	live    int
}{
	"shared":          {func(*rig) {}, []providers.ID{"key-old"}, 1},
	"apart":           {(*rig).apart, []providers.ID{"key-old"}, 2},
	"undo of end":     {func(g *rig) { g.traits = func(t *providers.Traits) { t.UndoOfEnd = true } }, []providers.ID{"key-old"}, 1},
	"guided":          {(*rig).guide, []providers.ID{"key-old"}, 1},
	"by hand, apart":  {func(g *rig) { g.console(); g.apart() }, []providers.ID{"key-old"}, 2},
	"deaf staging":    {func(g *rig) { g.apart(); g.before = deaf(Staging) }, []providers.ID{"key-old"}, 2},
	"broken baseline": {func(g *rig) { g.measure = answersLater() }, []providers.ID{"key-old"}, 1},
}

// deaf is an environment whose vault does not answer.
func deaf(env string) func(string, int) error {
	return func(call string, _ int) error {
		if call == "read "+env {
			return fault.New("reading", fault.Unreachable, "")
		}
		return nil
	}
}

// answersLater is a log check that does not answer the first time it is asked.
func answersLater() func(deploy.Window) deploy.Measurement {
	asked := 0
	return func(deploy.Window) deploy.Measurement {
		if asked++; asked == 1 {
			return deploy.Measurement{Outcome: deploy.Error}
		}
		return deploy.Measurement{Outcome: deploy.OK, Requests: 100}
	}
}

// TestEmergency: production first, no watch before the card, disabled and deleted
// at once, proved dead, and only then what is left.
func TestEmergency(t *testing.T) {
	t.Parallel()
	for name, c := range emergencies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				c.arrange(g)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.cry(e).Key(), Asking)
				if took := time.Since(r.Started); took > 5*time.Minute || len(g.ended) > 0 || !r.Card.Expires.IsZero() {
					t.Errorf("asked after %s, ended %v, expires %s", took, g.ended, r.Card.Expires)
				}
				g.approve(e, r)
				r = g.until(e, r.Key(), Succeeded, Stuck)
				if r.State != Succeeded {
					t.Fatalf("%+v", r.Problem)
				}
				if !slices.Equal(g.ended, c.ended) || len(g.keys) != c.live || r.ContainedAt().IsZero() || len(g.off) != g.counts["disable"] {
					t.Errorf("ended %v, live %v, contained at %s", g.ended, g.keys, r.ContainedAt())
				}
				if g.told(r.Key(), "after the alarm") != 1 {
					t.Error("the report does not say when it was contained")
				}
				if v := g.vault[Production]; v[len(v)-1].value != g.running[Production] || g.running[Production] == oldValue {
					t.Errorf("production runs on %q", g.running[Production])
				}
			})
		})
	}
}

// TestEmergencyRepeatsItself: a request does not expire; people are called again,
// ever less often.
func TestEmergencyRepeatsItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.configure = func(s *Subject) { s.Policy.EmergencyRemind = 5 * time.Minute }
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.cry(e).Key(), Asking)
		pass(48 * time.Hour)
		nagged := g.told(r.Key(), "the leaked key still works")
		if nagged < 10 || nagged > 60 {
			t.Errorf("reminded %d times in two days", nagged)
		}
		g.approve(e, r)
		g.until(e, r.Key(), Succeeded)
	})
}

// TestEmergencySelfApproval: whoever cried may approve where the policy says so
// for emergencies, and then only there.
func TestEmergencySelfApproval(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			g.configure = func(s *Subject) { s.Policy.EmergencySelf = allowed }
			e := g.engine("one")
			defer g.run(t.Context(), e)()
			r := g.until(e, g.cry(e).Key(), Asking)
			g.mu.Lock()
			g.marks.Marks = []Mark{{Person: requester, Standing: mayVote, Yes: true, Path: "emoji"}}
			marks := g.marks
			g.mu.Unlock()
			tally, err := e.Consider(t.Context(), r.Key(), r.Card.Number, marks)
			if err != nil || (tally.State == CardApproved) != allowed {
				t.Errorf("allowed %t: %+v, %v", allowed, tally, err)
			}
			if allowed {
				g.until(e, r.Key(), Succeeded)
			}
		})
	}
}

// TestEmergencyNothingHeals: an application that fails without the old key
// does not get it back by itself: a thief may have it.
func TestEmergencyNothingHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
		g.needs[Production] = "key-old"
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.cry(e).Key(), Asking)
		g.approve(e, r)
		g.until(e, r.Key(), Stuck)
		if g.counts["enable"] != 0 || g.accepted("key-old") {
			t.Errorf("enabled %d times", g.counts["enable"])
		}
	})
}

// TestEmergencyOvertakes: at every step of a routine rotation, an emergency takes
// its place; afterwards the old key is dead, nothing of ours is left over, and
// there was never a second rotation.
func TestEmergencyOvertakes(t *testing.T) {
	t.Parallel()
	for _, world := range []string{"shared", "apart", "undo of end"} {
		for _, at := range []string{"survey", "issue", "write " + Staging, "deploy " + Staging, "write " + Production, "deploy " + Production, "card", "end"} {
			t.Run(world+", at "+at, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { overtaken(t, emergencies[world].arrange, at) })
			})
		}
	}
}

func overtaken(t *testing.T, arrange func(*rig), at string) {
	g := newRig(t)
	arrange(g)
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	reached := func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.counts[at] > 0 || at == "end" && g.counts["disable"]+g.counts["end"] > 0
	}
	r := g.start(e)
	if at == "card" || at == "end" {
		r = g.until(e, r.Key(), Asking)
	}
	if at == "end" {
		g.approve(e, r)
	}
	for range 4000 {
		if at == "card" || reached() {
			break
		}
		pass(100 * time.Millisecond)
	}
	cry, err := e.Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Mode: Emergency, Reason: "it leaked", Exposed: time.Now().Add(-time.Hour)})
	var refusal *Refusal
	if errors.As(err, &refusal) {
		t.Fatalf("refused: %s", refusal.Sentence)
	} else if err != nil {
		t.Fatal(err)
	}
	if cry.Key() != r.Key() || g.told(r.Key(), "an emergency now") != 1 {
		t.Fatalf("another rotation runs beside the first: %s and %s", cry.Key(), r.Key())
	}
	for range 3 {
		r = g.until(e, r.Key(), Asking, Succeeded, Stuck)
		if r.State != Asking {
			break
		}
		g.approve(e, r)
		pass(time.Second)
	}
	r = g.until(e, r.Key(), Succeeded, Stuck)
	if r.State != Succeeded || !r.OldDead() || r.Cell.Mode != Emergency || !r.Audit.From.Equal(r.Exposed.UTC().Truncate(time.Second)) || r.Exposed.IsZero() {
		t.Fatalf("%s, %+v; old dead %t", r.State, r.Problem, r.OldDead())
	}
	for _, id := range g.issued {
		used := slices.ContainsFunc([]string{Staging, Production}, func(env string) bool { return strings.HasPrefix(g.running[env], string(id)+":") })
		if g.accepted(id) != used {
			t.Errorf("%s lives %t, is used %t", id, g.accepted(id), used)
		}
	}
	if g.accepted("key-old") {
		t.Error("the old key lives")
	}
	if n := g.kinds(r.Key(), event.Reported); n != 1 {
		t.Errorf("reported %d times", n)
	}
}

// kinds counts events of a kind.
func (g *rig) kinds(key string, k event.Kind) (n int) {
	for _, ev := range g.journal(key) {
		if ev.Kind == k {
			n++
		}
	}
	return n
}
