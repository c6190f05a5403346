package rotation

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/state"
)

// mortal is the store as one replica sees it, which dies before or after its nth
// write. What it writes after that does not arrive.
type mortal struct {
	Store
	writes atomic.Int64
	strike func(nth int64, after bool) error
}

func (s *mortal) Create(ctx context.Context, c state.Creation) error {
	nth := s.writes.Add(1)
	if err := s.strike(nth, false); err != nil {
		return err
	}
	if err := s.Store.Create(ctx, c); err != nil {
		return err
	}
	return s.strike(nth, true)
}

func (s *mortal) Commit(ctx context.Context, l state.Lease, rev int64, c state.Change) (int64, error) {
	nth := s.writes.Add(1)
	if err := s.strike(nth, false); err != nil {
		return 0, err
	}
	next, err := s.Store.Commit(ctx, l, rev, c)
	if err != nil {
		return 0, err
	}
	return next, s.strike(nth, true)
}

// shownOrAlone holds that people were asked about whatever waits for them.
func (f *fleet) shownOrAlone(p *Progress) {
	f.t.Helper()
	for _, part := range p.Parts {
		if r := part.Rotation; part.Stand == Asks && r.Card.Together && p.covering(r) == nil && time.Since(r.Card.Asked) > 10*time.Minute {
			f.t.Fatalf("nobody is asked about %s since %s", part.Secret, r.Card.Asked)
		}
	}
}

// TestBatchSurvives: a replica dies before or after each write while a batch
// begins its rotations, and another one goes on. Each is begun once.
func TestBatchSurvives(t *testing.T) {
	for n := 2; n < 28; n += stride() { // the first write is the batch itself
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(n, after), func(t *testing.T) {
				t.Parallel() // each in worlds of its own
				synctest.Test(t, func(t *testing.T) { batchSurvives(t, n, after, n%2 == 0) })
			})
		}
	}
}

func batchSurvives(t *testing.T, n int, after, together bool) {
	f := newFleet(t, 3)
	if together {
		f.together()
	}
	own := f.rigs[1].configure
	f.rigs[1].configure = func(s *Subject) {
		if s.Title = "Service 0"; own != nil {
			own(s)
		}
	}
	ctx, die := context.WithCancel(t.Context())
	defer die()
	dead := false
	f.setup = func(c *Config) {
		c.Store = &mortal{Store: c.Store, strike: func(nth int64, late bool) (err error) {
			f.rigs[0].in(func() {
				if dead || nth == int64(n) && late == after {
					dead, err = true, errReplicaDied
				}
			})
			if err != nil {
				die()
			}
			return err
		}}
	}
	first := f.engine("first")
	f.setup = nil
	second := f.engine("second")
	b := f.cry(first)
	defer f.rigs[0].run(ctx, first)()
	<-ctx.Done()
	defer f.rigs[0].run(t.Context(), second)()
	p := f.lively(second, b, "over", func(p *Progress) bool {
		f.shownOrAlone(p)
		return over(p)
	})
	for i, g := range f.rigs {
		part := p.Parts[i]
		if part.Stand == Wanting && part.Rotation.Problem.Reason == string(fault.Unsettled) {
			continue // the one moment that only a person can tell: its write may wait in the vault
		}
		if n := f.begun(second, part.Secret); n != 1 || part.Stand != Buried || !slices.Contains(g.ended, "key-old") {
			t.Errorf("%s: begun %d times, %s, ended %v", part.Secret, n, part.Stand, g.ended)
		}
	}
	if n := f.rigs[0].told(b.Key(), "old keys are dead"); n != 1 {
		t.Errorf("the table was told %d times", n)
	}
}
