package rotation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// TestTurnStorm plays plans in which issuing kills under everything that can
// go wrong at once. When the weather clears each comes to its end: nothing was
// replaced without an approval, nothing is paused, and what an application
// runs on lives unless its own cutover is under way.
func TestTurnStorm(t *testing.T) {
	for seed := uint64(0); seed < storms; seed += uint64(stride()) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { turnStorm(t, seed) })
		})
	}
}

func turnStorm(t *testing.T, seed uint64) {
	dice, people := rand.New(rand.NewPCG(seed, 3)), rand.New(rand.NewPCG(seed, 4)) // dice belongs to g.mu
	g := newRig(t)
	shape := []providers.Shape{providers.Cutover, providers.Grace}[dice.IntN(2)]
	if dice.IntN(2) == 0 {
		g.turningApart(shape)
	} else {
		g.turning(shape)
	}
	g.pausing()
	if shape == providers.Cutover && dice.IntN(2) == 0 {
		g.byPerson()
		g.person = func(env string, polls int) { g.hesitant(dice, env, polls) }
	}
	clear, approved := false, false
	chance := func(n int) bool { return !clear && dice.IntN(n) == 0 }
	g.before = func(string, int) error {
		if chance(40) {
			return again(fault.ServerError)
		}
		return nil
	}
	g.after = func(call string, _ int) error {
		if len(g.issued) > 0 && !approved {
			t.Errorf("something was issued without any approval")
		}
		write := call == "issue" || call == "pause" || call == "resume" || strings.HasPrefix(call, "write ") || strings.HasPrefix(call, "deploy ")
		if write && chance(8) {
			return &fault.Error{Op: "testing", Class: fault.Lost, Reason: fault.TimedOut}
		}
		return nil
	}
	g.setup = func(c *Config) {
		c.Store = weather{g.store, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return chance(30) }}
	}
	engines := []*Engine{g.engine("one"), g.engine("two")}
	stops := []func(){g.run(t.Context(), engines[0]), g.run(t.Context(), engines[1])}
	defer func() {
		for _, s := range stops {
			s()
		}
	}()
	var r *Rotation
	for r == nil {
		r, _ = engines[0].Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester})
	}
	for i := 0; !r.State.Final(); i++ {
		if i > 400 {
			g.in(func() { clear = true })
		}
		if i > 3000 {
			step, _ := r.Step()
			t.Fatalf("it is %s at %s: %+v", r.State, step, r.Problem)
		}
		pause(t.Context(), time.Duration(1+people.IntN(20))*time.Second)
		r, _ = engines[0].Load(t.Context(), r.Key())
		n := people.IntN(len(engines))
		e := engines[n]
		switch {
		case r.State == Asking && (clear || people.IntN(4) == 0):
			g.unmark()
			yes := clear || people.IntN(8) > 0
			g.mark(yes, approver, mayVote)
			g.in(func() { approved = approved || yes })
			_, _ = e.Consider(t.Context(), r.Key(), r.Card.Number, g.marks)
			if !clear && people.IntN(4) == 0 {
				g.unmark()
			}
		case r.State == Stuck && (clear || people.IntN(3) == 0):
			_, _ = e.Retry(t.Context(), "FAL_KEY", requester)
		case !clear && people.IntN(60) == 0:
			_, _ = e.Cancel(t.Context(), "FAL_KEY", requester)
		case !clear && people.IntN(60) == 0:
			stops[n]()
			engines[n] = g.engine(fmt.Sprint("again", i))
			stops[n] = g.run(t.Context(), engines[n])
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.paused {
		t.Errorf("it is %s and the application's work is paused", r.State)
	}
	for _, env := range environments() {
		live := g.credential(g.holds[env])
		if g.running[env] != g.keys[live.ID].value {
			t.Errorf("it is %s, and %s runs on %s while the account has %s", r.State, env, g.running[env], live.ID)
		}
	}
	if r.State == Abandoned && len(g.issued) > 0 {
		t.Errorf("it was called off after %v was issued", g.issued)
	}
	if r.State == Succeeded && !r.OldDead() {
		t.Error("the old one is not proved dead")
	}
	if most := len(r.Turns); !r.Traits.Guided && len(g.issued) > most {
		t.Errorf("%v were issued, in %d turns", g.issued, most)
	}
}

// hesitant replaces the key that was asked for, loses it, pastes another one.
func (g *rig) hesitant(dice *rand.Rand, env string, polls int) {
	if polls < 2 || g.labels[env] == "" || dice.IntN(3) > 0 {
		return
	}
	switch dice.IntN(4) {
	case 0:
		g.paste(env, oldValue)
	case 1:
		_ = g.byConsole(g.labels[env]) // made, and the value lost
	default:
		g.paste(env, g.byConsole(g.labels[env]))
		g.labels[env] = ""
	}
}
