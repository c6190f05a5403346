package rotation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
)

// some draws n of the rows of a table by the seed of the bad days, which is
// printed; with -baddays it is all of them.
func some[T any](t *testing.T, all []T, n int) []T {
	if *wholeBadDay || n >= len(all) {
		return all
	}
	seed := *badDay
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("%d of %d rows, drawn with -badday=%d", n, len(all), seed)
	all = append([]T(nil), all...)
	rand.New(rand.NewPCG(seed, 7)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

// The bad way back: whatever goes wrong at whatever step of a rollback, it ends
// with everything on the old key, or rests where people are told what to do. The
// table comes from the plans, as that of bad days does.

// backCells are the cells of rollbacks that can be run, those that differ in
// nothing a plan shows as one.
func backCells() []Cell {
	var all []Cell
	known := map[string]bool{}
	for _, c := range cells() {
		steps, err := PlanFor(c)
		if c.Mode != Rollback || err != nil || Executable(c) != nil {
			continue
		}
		if same := fmt.Sprint(c.Shape, c.Shared, names(steps)); !known[same] {
			known[same] = true
			all = append(all, c)
		}
	}
	return all
}

// homeward is a world that has begun to go back from as far as its plan lets it,
// with nobody driving it.
func homeward(t *testing.T, c Cell) (*scene, *Rotation, map[string]string) {
	t.Helper()
	out := c
	out.Mode = Routine
	s := sceneOf(t, out, "")
	before := s.begun()
	e := s.engine("zero")
	stop := s.run(t.Context(), e)
	r, err := s.begin(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for r = s.asked(e, r.Key()); c.Shape == providers.Grace && r.State == Asking; {
		s.in(func() { s.agreed, s.approved = true, true })
		s.approve(e, r)
		r = s.stepping(e, r.Key(), Watch)
	}
	stop()
	if r, err = e.Rollback(t.Context(), r.Secret, requester); err != nil {
		t.Fatal(err)
	}
	s.cell = c
	return s, r, before
}

// asked waits until people are asked.
func (s *scene) asked(e *Engine, key string) *Rotation {
	s.t.Helper()
	for range 300 {
		r, err := e.Load(s.t.Context(), key)
		if err != nil {
			s.t.Fatal(err)
		}
		if r.State == Asking || r.State == Stuck {
			return r
		}
		pause(s.t.Context(), min(max(7*time.Second, time.Until(r.Wake).Truncate(time.Second)), 10*time.Minute))
	}
	s.t.Fatal("nobody is asked")
	return nil
}

// arrived reports that a way back has come to where it ends.
func (r *Rotation) arrived() bool {
	return r.State == Succeeded || r.Dwells()
}

// returnHome plays a way back to its end.
func (s *scene) returnHome(r *Rotation) *Rotation {
	s.t.Helper()
	ctx, die := context.WithCancel(s.t.Context())
	defer die()
	s.die = die
	first, second := s.engine("first"), s.engine("second")
	defer s.run(ctx, first)()
	var stopSecond func()
	for i := 0; ; i++ {
		if ctx.Err() != nil && stopSecond == nil {
			stopSecond = s.run(s.t.Context(), second)
			defer stopSecond()
		}
		if s.moved() {
			var err error
			if r, err = second.Load(s.t.Context(), s.key); err != nil {
				s.t.Fatal(err)
			}
			s.truth(r)
		}
		if r.arrived() {
			break
		}
		if i > 1500 {
			s.t.Fatalf("it is %s at %s: %+v", r.State, s.step(), r.Problem)
		}
		s.people(second, r)
		s.wait(r)
	}
	pause(s.t.Context(), time.Second)
	return r
}

// isHome holds a world that went back against what it was.
func (s *scene) isHome(r *Rotation, before map[string]string) {
	s.t.Helper()
	switch {
	case s.signs != nil:
		s.signs.asItWas(r)
	case s.cell.Shape == providers.Grace && r.Cell.Mode != Rollback: // the margin came, and it went forward
		s.onNew(r, len(s.issued))
	case s.cell.Shape == providers.Grace:
		s.onOld(r, before)
	default:
		s.asBefore(r, before)
	}
}

// backRows lists the rows of a cell.
func backRows(t *testing.T, c Cell) (all []row) {
	met := map[moment]bool{}
	var order []moment
	var plan []Step
	synctest.Test(t, func(t *testing.T) {
		s, r, before := homeward(t, c)
		s.chart = func(m moment) {
			if m.at >= 0 && !met[m] {
				met[m] = true
				order = append(order, m)
			}
		}
		r = s.returnHome(r)
		s.isHome(r, before)
		plan = r.Plan
	})
	for _, m := range order {
		if m.at >= len(plan) {
			continue
		}
		ways := troubles(m.call)
		if len(ways) == 0 {
			t.Errorf("%s at %s: nothing is said of what can go wrong with that", m.call, plan[m.at])
		}
		for _, w := range append(slices.Clone(ways), dying(false), dying(true)) {
			if w.name != "said and not done" { // which is of an old key
				all = append(all, row{c, "", m, plan[m.at], w})
			}
		}
	}
	if want, _ := PlanFor(c); !slices.Equal(want, plan) {
		t.Errorf("%s ran %v", c, names(plan))
	}
	for i, s := range plan {
		if s.Act != Forward {
			covered(t, all, i, s)
		} else if !met[moment{i, midway}] {
			t.Errorf("%s is not struck", s)
		}
	}
	return all
}

// TestBadWayBack plays a sample of the table, or with -baddays all of it. That no
// step is without a row is held of the whole table each time.
func TestBadWayBack(t *testing.T) {
	long(t)
	var all []row
	for _, c := range backCells() {
		all = append(all, backRows(t, c)...)
	}
	sample := all
	if !*wholeBadDay {
		sample = drawn(t, all)
	}
	var played, came atomic.Int64
	t.Run("rows", func(t *testing.T) {
		for _, r := range sample {
			t.Run(r.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s, back, before := homeward(t, r.cell)
					s.in(func() { s.row = &r })
					played.Add(1)
					s.isHome(s.returnHome(back), before)
					if s.struck > 0 {
						came.Add(1)
					}
				})
			})
		}
	})
	if t.Logf("%d of %d rows, trouble came in %d", played.Load(), len(all), came.Load()); came.Load() < played.Load()*9/10 {
		t.Error("the table is about other runs than those that were played")
	}
}
