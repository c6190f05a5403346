package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/state"
)

// crash is a moment at which a replica dies: before or after the nth call of
// a name reached the world, or its nth commit the store.
type crash struct {
	call  string
	n     int
	after bool
}

func (c crash) String() string {
	when := "before"
	if c.after {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d", when, c.call, c.n)
}

// grounds are the kinds of world in which a replica dies, and how often a
// call that repeats is a moment of its own. Emergencies have a table of their own,
// see TestBadDay.
var grounds = map[string]struct {
	enough  int
	arrange func(*rig)
	live    int // keys at the service in the end
}{
	"overlap":            {3, func(*rig) {}, 1},
	"guided":             {2, (*rig).guide, 1},
	"guided, apart":      {1, func(g *rig) { g.guide(); g.apart() }, 2},
	"by hand, apart":     {1, func(g *rig) { g.console(); g.apart() }, 2},
	"unnamed, apart":     {1, func(g *rig) { g.apart(); g.nameless() }, 2},
	"undo of end, apart": {1, func(g *rig) { g.apart(); g.traits = func(t *providers.Traits) { t.UndoOfEnd = true } }, 2},
}

// plotted lists the moments of an undisturbed run that are played.
func plotted(t *testing.T, arrange func(*rig), enough int, answers bool) []crash {
	return played.of(whole(t, arrange, enough, answers))
}

// whole lists all moments of an undisturbed run. Calls that repeat in a
// watch or on a probe schedule are the same moment after a few times. The
// answers of commits are moments too, where that is asked for.
func whole(t *testing.T, arrange func(*rig), enough int, answers bool) []crash {
	var all []crash
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		arrange(g)
		e := g.engine("one")
		commits := 0
		g.store.Fail = func(string, state.Change) error { commits++; return nil }
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		g.until(e, r.Key(), Succeeded)
		stop()
		seen := make(map[string]int)
		for _, call := range g.touched {
			if seen[call]++; seen[call] <= enough {
				all = append(all, crash{call, seen[call], false}, crash{call, seen[call], true})
			}
		}
		for n := 1; n <= commits; n++ {
			if n < 20 || n > commits-20 {
				all = append(all, crash{"commit", n, false})
			}
			if answers && n < 20 {
				all = append(all, crash{"commit", n, true})
			}
		}
	})
	return all
}

// TestCrashAnywhere kills a replica at every moment and lets another one go
// on. Whatever the moment, the rotation must end, the application must never
// have run on a dead key, and no key may be left over.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	for name, ground := range grounds {
		t.Run(name, func(t *testing.T) {
			for _, c := range plotted(t, ground.arrange, ground.enough, name == "overlap") {
				t.Run(c.String(), func(t *testing.T) {
					t.Parallel() // each in a world of its own
					synctest.Test(t, func(t *testing.T) { survive(t, c, ground.arrange, ground.live) })
				})
			}
		})
	}
}

func survive(t *testing.T, c crash, arrange func(*rig), want int) {
	g := newRig(t)
	arrange(g)
	ctx, die := context.WithCancel(t.Context())
	defer die()
	died := false
	strike := func(call string, n int) error {
		if died || call != c.call || n != c.n {
			return nil
		}
		died = true
		die()
		return errReplicaDied
	}
	if c.after {
		g.after = strike
	} else {
		g.before = strike
	}
	commits := 0
	g.setup = func(cfg *Config) {
		cfg.Store = &tearing{cfg.Store, g, &commits, func(n int, done bool) error {
			if done != c.after {
				return nil
			}
			return strike("commit", n)
		}}
	}
	first := g.engine("first")
	r, err := first.Start(ctx, g.order())
	if err != nil {
		if !died {
			t.Fatal(err)
		}
		return // died before anything was stored: nothing was changed
	}
	stopFirst := g.run(ctx, first)
	defer stopFirst()
	second := g.engine("second")
	context.AfterFunc(ctx, func() {
		if t.Context().Err() == nil {
			g.run(t.Context(), second)
		}
	})
	r = g.until(second, r.Key(), Asking, Stuck)
	if r.State == Stuck {
		r = g.settled(second, c, r)
	}
	g.approve(second, r)
	r = g.until(second, r.Key(), Succeeded)
	if !died {
		t.Fatalf("%s never came", c)
	}
	g.invariants(r)
	if live := len(g.keys); live != want || !r.OldDead() {
		t.Errorf("%d keys live at the service: %v", live, g.keys)
	}
	for _, id := range g.issued {
		if id != r.New().ID && id != r.Places[Staging].New.ID && !slices.Contains(g.ended, id) {
			t.Errorf("%s was made and is neither in use nor ended", id)
		}
	}
	if slices.Contains(g.ended, r.New().ID) {
		t.Errorf("the key in use was ended")
	}
	if len(g.inbox) > 0 {
		t.Errorf("the inbox holds %v", g.inbox)
	}
	if n := len(g.vault[Staging]); n != 1+len(r.Places[Staging].After) {
		t.Errorf("staging has %d versions, and was written %d times", n, len(r.Places[Staging].After))
	}
	if old := slices.DeleteFunc(slices.Clone(g.ended), func(id providers.ID) bool { return id != "key-old" }); len(old) == 0 {
		t.Error("the old key was never ended")
	}
}

// tearing is a store whose connection is asked before and after the nth commit
// of all replicas whether it breaks now.
type tearing struct {
	Store
	g       *rig // whose lock holds while it is asked
	commits *int
	breaks  func(n int, done bool) error
}

func (s *tearing) Commit(ctx context.Context, l state.Lease, rev int64, c state.Change) (int64, error) {
	var torn error
	n := 0
	s.g.in(func() { *s.commits++; n = *s.commits; torn = s.breaks(n, false) })
	if torn != nil {
		return 0, torn
	}
	got, err := s.Store.Commit(ctx, l, rev, c)
	if s.g.in(func() { torn = s.breaks(n, true) }); err == nil && torn != nil {
		return 0, torn
	}
	return got, err
}

// TestCommitsWhoseAnswerIsLost: each commit of a rotation arrives and the store
// does not answer. Nobody is asked for anything, and nothing is done twice.
func TestCommitsWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	for n, over := 1, false; !over && n < 200; n += stride() {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { over = unanswered(t, n) })
		})
	}
}

// unanswered loses the answer of the nth commit and reports that there are
// fewer.
func unanswered(t *testing.T, n int) (over bool) {
	g, commits := newRig(t), 0
	g.setup = func(c *Config) {
		c.Store = &tearing{c.Store, g, &commits, func(i int, done bool) error {
			if done && i == n {
				return errors.New("i/o timeout")
			}
			return nil
		}}
	}
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	r := g.until(e, g.start(e).Key(), Asking, Stuck)
	if r.State == Stuck {
		t.Fatalf("a person is asked: %s", r.Problem.Text())
	}
	g.insist(e, r)
	r = g.until(e, r.Key(), Succeeded)
	g.invariants(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	if once := []int{len(g.issued), len(g.ended), g.counts["write staging"], g.counts["write production"], len(g.deploys)}; !slices.Equal(once, []int{1, 1, 1, 1, 2}) {
		t.Errorf("issued, ended, written to staging and production, deployed: %v", once)
	}
	return commits < n
}

// settled goes on from the one moment that nobody can tell from another: the
// record says that the first write follows and it left no trace, so it may wait
// for approval in the vault. Its key must live until a person has looked.
func (g *rig) settled(e *Engine, c crash, r *Rotation) *Rotation {
	g.t.Helper()
	atWrite := strings.HasPrefix(c.call, "write ") && c.n == 1 && !c.after
	if atNote := c.call == "commit" && c.after; !atWrite && !atNote || r.Traits.Guided || r.Problem.Reason != string(fault.Unsettled) {
		g.t.Fatalf("stopped after a crash %s: %+v", c, r.Problem)
	}
	if len(g.ended) > 0 {
		g.t.Errorf("ended %v while a write of it may wait", g.ended)
	}
	if _, err := e.Retry(g.t.Context(), r.Secret, requester); err != nil {
		g.t.Fatal(err)
	}
	return g.until(e, r.Key(), Asking)
}

// insist approves, and looks again where the answer of that very commit was lost
// and the rotation had gone on before anybody could see that it had arrived.
func (g *rig) insist(e *Engine, r *Rotation) {
	g.t.Helper()
	g.mark(true, approver, mayVote)
	g.mu.Lock()
	m := g.marks
	g.mu.Unlock()
	_, err := e.Consider(g.t.Context(), r.Key(), r.Card.Number, m)
	if errors.Is(err, errNotStored) {
		_, err = e.Consider(g.t.Context(), r.Key(), r.Card.Number, m)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}
