package rotation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/state"
)

// weather is a store whose commits and leases fail now and then, before or
// after they were applied.
type weather struct {
	Store
	bad func() bool
}

func (s weather) Commit(ctx context.Context, l state.Lease, rev int64, c state.Change) (int64, error) {
	if s.bad() {
		return 0, errors.New("no answer")
	}
	n, err := s.Store.Commit(ctx, l, rev, c)
	if err == nil && s.bad() {
		return 0, errors.New("answer lost")
	}
	return n, err
}

func (s weather) Renew(ctx context.Context, l state.Lease, ttl time.Duration) (state.Lease, error) {
	if s.bad() {
		return state.Lease{}, errors.New("no answer")
	}
	return s.Store.Renew(ctx, l, ttl)
}

// careless brings the key that was asked for in the end, after wrong ones and
// second thoughts.
func (g *rig) careless(dice *rand.Rand, env string, polls int) {
	if polls < 2 || g.labels[env] == "" || dice.IntN(3) > 0 {
		return
	}
	switch dice.IntN(5) {
	case 0:
		g.paste(env, oldValue)
	case 1:
		g.paste(env, "key-x:0000000000000000000000000000")
	case 2:
		_ = g.byConsole(g.labels[env]) // made, and the value lost
	default:
		g.paste(env, g.byConsole(g.labels[env]))
		g.labels[env] = ""
	}
}

// TestStorm plays rotations on three replicas under everything that can go
// wrong at once, with people who approve, veto, withdraw, cancel and retry at
// random. When the weather clears every rotation comes to its end, and what
// must never be broken was not.
func TestStorm(t *testing.T) {
	for seed := uint64(0); seed < storms; seed += uint64(stride()) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { storm(t, seed) })
		})
	}
}

const storms = 16

func storm(t *testing.T, seed uint64) {
	dice, people := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2)) // dice belongs to g.mu
	g := newRig(t)
	olds := []providers.ID{"key-old"}
	if dice.IntN(2) == 0 {
		g.apart()
		olds = append(olds, "key-olds")
	}
	switch dice.IntN(3) {
	case 0:
		g.traits = func(tr *providers.Traits) { tr.UndoOfEnd = true }
	case 1:
		g.guide()
		g.person = func(env string, polls int) { g.careless(dice, env, polls) }
	}
	clear := false
	chance := func(n int) bool { return !clear && dice.IntN(n) == 0 }
	approved := false
	g.before = func(call string, _ int) error {
		if chance(40) {
			return again(fault.ServerError)
		}
		return nil
	}
	g.after = func(call string, _ int) error {
		write := call == "issue" || call == "end" || call == "disable" || call == "enable" || strings.HasPrefix(call, "write ") || strings.HasPrefix(call, "deploy ")
		if write && chance(8) {
			return &fault.Error{Op: "testing", Class: fault.Lost, Reason: fault.TimedOut}
		}
		for _, env := range environments() {
			id, _, _ := strings.Cut(g.running[env], ":")
			if !g.accepted(providers.ID(id)) {
				t.Errorf("%s runs on %s, which is dead", env, id)
			}
		}
		for _, id := range olds {
			if _, there := g.keys[id]; (!there || g.off[id]) && !approved {
				t.Errorf("%s ended without any approval", id)
			}
		}
		return nil
	}
	g.setup = func(c *Config) {
		c.Store = weather{g.store, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return chance(30) }}
	}
	var stops []func()
	var engines []*Engine
	start := func(name string) {
		e := g.engine(name)
		engines = append(engines, e)
		stops = append(stops, g.run(t.Context(), e))
	}
	for _, n := range []string{"one", "two", "three"} {
		start(n)
	}
	defer func() {
		for _, s := range stops {
			s()
		}
	}()
	var r *Rotation
	for r == nil {
		r, _ = engines[0].Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester})
	}
	for i := 0; ; i++ {
		if i > 600 {
			g.mu.Lock()
			clear = true
			g.mu.Unlock()
		}
		if i > 3000 {
			step, _ := r.Step()
			t.Fatalf("it is %s at %s: %+v; times %d", r.State, step, r.Problem, len(r.Times))
		}
		pause(t.Context(), time.Duration(1+people.IntN(20))*time.Second)
		got, err := engines[0].Load(t.Context(), r.Key())
		if err != nil {
			t.Fatal(err)
		}
		r = got
		if r.State.Final() {
			break
		}
		e := engines[people.IntN(len(engines))]
		switch {
		case r.State == Asking && (clear || people.IntN(4) == 0):
			g.unmark()
			yes := clear || people.IntN(4) > 0
			g.mark(yes, approver, mayVote)
			g.mu.Lock()
			approved = approved || yes
			m := g.marks
			g.mu.Unlock()
			_, _ = e.Consider(t.Context(), r.Key(), r.Card.Number, m)
			if !clear && people.IntN(4) == 0 {
				g.unmark()
			}
		case (r.State == Stuck || r.State == Pending) && (clear || people.IntN(3) == 0):
			_, _ = e.Retry(t.Context(), "FAL_KEY", requester)
		case !clear && people.IntN(120) == 0:
			_, _ = e.Cancel(t.Context(), "FAL_KEY", requester)
		case !clear && people.IntN(60) == 0:
			n := people.IntN(len(stops))
			stops[n]()
			engines[n] = g.engine(fmt.Sprint("again", i))
			stops[n] = g.run(t.Context(), engines[n])
		}
	}
	g.invariants(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	for id := range g.keys {
		isOld := slices.Contains(olds, id)
		switch {
		case r.State == Succeeded && isOld:
			t.Errorf("%s lives", id)
		case r.State == Abandoned && !isOld:
			t.Errorf("%s is left over", id)
		case g.off[id] && r.State == Abandoned:
			t.Errorf("%s is switched off", id)
		}
	}
}
