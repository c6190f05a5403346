package rotation

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// TestBatch: everything at once, each with a request of its own; the batch ends
// when the last old key is dead, and says when each died.
func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		f.rigs[1].guide()
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		p := f.until(e, b, "all ask", all(Asks))
		if took := time.Since(b.Started); took > 5*time.Minute {
			t.Errorf("asked after %s", took)
		}
		f.approve(e, p)
		p = f.until(e, b, "over", over)
		if p.Count(Buried) != 3 || p.Contained.IsZero() {
			t.Errorf("contained at %s: %+v", p.Contained, p.facts())
		}
		for i, g := range f.rigs {
			if len(g.ended) != 1 || f.begun(e, secretNo(i)) != 1 {
				t.Errorf("%s: ended %v, begun %d times", secretNo(i), g.ended, f.begun(e, secretNo(i)))
			}
		}
		if n := f.rigs[0].told(b.Key(), "All 3 old keys are dead"); n != 1 {
			t.Errorf("the table was told %d times", n)
		}
	})
}

// TestBatchOrder: what others depend on is dead before they begin, one at a time
// within a service, and one account is free again first.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	account := func(s *Subject) { s.Slots = []string{"account/x"} }
	service := func(s *Subject) { s.Title = "fal.ai" }
	for name, c := range map[string]struct {
		lead, follow int
		s1, s2       func(*Subject)
		free         func(first *Rotation) time.Time // when the second one may begin
	}{
		"depends":     {1, 0, func(s *Subject) { s.Service = "supabase-jwt" }, func(s *Subject) { s.Service = "supabase-api-key" }, (*Rotation).ContainedAt},
		"one service": {0, 1, service, service, func(r *Rotation) time.Time { return r.Card.Asked }},
		"one account": {0, 1, account, account, func(r *Rotation) time.Time { return r.Ended }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t, 3)
				f.rigs[0].configure, f.rigs[1].configure = c.s1, c.s2
				e := f.engine("one")
				defer f.rigs[0].run(t.Context(), e)()
				b := f.cry(e)
				p := f.lively(e, b, "over", over)
				first, _ := p.part(secretNo(c.lead))
				second, _ := p.part(secretNo(c.follow))
				if free := c.free(first.Rotation); free.IsZero() || second.Rotation.Started.Before(free) {
					t.Errorf("the second began at %s, the first was out of the way at %s", second.Rotation.Started, free)
				}
				if other, _ := p.part("S3"); other.Rotation.Started.Sub(b.Started) > time.Second {
					t.Errorf("another service was held up until %s", other.Rotation.Started)
				}
			})
		})
	}
}

// TestBatchRefusals: what cannot be rotated is a line with its sentence; what
// cannot be asked just now is asked again; the others go on.
func TestBatchRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 4)
		f.rigs[0].before = func(call string, _ int) error {
			if call == "survey" {
				return fault.New("surveying", fault.Ambiguous, "two candidates")
			}
			return nil
		}
		f.rigs[1].before = func(call string, n int) error {
			if call == "survey" && n < 4 {
				return &fault.Error{Op: "surveying", Class: fault.Again, Reason: fault.RateLimited, RetryAfter: 20 * time.Second}
			}
			return nil
		}
		f.rigs[2].before = func(call string, _ int) error {
			if call == "survey" {
				panic("of an adapter")
			}
			return nil
		}
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		p := f.lively(e, b, "over", over)
		for name, want := range map[string]Stand{"S1": Failed, "S2": Buried, "S3": Failed, "S4": Buried} {
			if part, _ := p.part(name); part.Stand != want || (part.Why == "") != (want == Buried) {
				t.Errorf("%s: %s %q, want %s", name, part.Stand, part.Why, want)
			}
		}
		if last, _ := p.part("S2"); last.Dead.Sub(b.Started) < time.Minute {
			t.Errorf("it did not leave the service alone: dead %s after the alarm", last.Dead.Sub(b.Started))
		}
		if !p.Contained.IsZero() {
			t.Error("it is called contained")
		}
	})
}

// TestBatchOvertakes: routine rotations in flight become part of it, and an
// emergency that was called before is not called again.
func TestBatchOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		e := f.engine("one")
		routine, err := e.Start(t.Context(), Order{Secret: "S1", Requester: requester})
		if err != nil {
			t.Fatal(err)
		}
		called, err := e.Start(t.Context(), Order{Secret: "S2", Requester: requester, Mode: Emergency, Reason: "before"})
		if err != nil {
			t.Fatal(err)
		}
		defer f.rigs[0].run(t.Context(), e)()
		f.rigs[0].until(e, routine.Key(), Running)
		pass(20 * time.Second)
		b := f.cry(e)
		p := f.lively(e, b, "over", over)
		for name, want := range map[string]string{"S1": routine.ID, "S2": called.ID} {
			if part, _ := p.part(name); part.Member.Rotation != want || part.Stand != Buried {
				t.Errorf("%s: %s as %s, want %s", name, part.Stand, part.Member.Rotation, want)
			}
		}
	})
}

// TestBatchAsksWhatItNeeds: no reason, no such tag, and one that is open already.
func TestBatchAsksWhatItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		f.rigs[0].configure = func(s *Subject) { s.Tags = []string{"billing"} }
		f.rigs[2].configure = func(s *Subject) { s.Tags = []string{"billing", "ci"} }
		e := f.engine("one")
		for _, c := range []struct {
			alarm Alarm
			code  RefusalCode
			says  string
		}{
			{Alarm{Requester: requester}, NotNow, "reason"},
			{Alarm{Requester: requester, Reason: "x", Tag: "other"}, UnknownSecret, "`billing`, `ci`"},
		} {
			_, err := e.StartBatch(t.Context(), c.alarm)
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Code != c.code || !strings.Contains(refusal.Sentence, c.says) {
				t.Errorf("%+v: %v", c.alarm, err)
			}
		}
		b, err := e.StartBatch(t.Context(), Alarm{Requester: requester, Reason: "x", Tag: "Billing"})
		if err != nil || len(b.Members) != 2 || b.Members[0].Secret != "S1" || b.Members[1].Secret != "S3" {
			t.Fatalf("%+v, %v", b, err)
		}
		var refusal *Refusal
		if _, err := e.StartBatch(t.Context(), Alarm{Requester: requester, Reason: "x", Tag: "Billing"}); !errors.As(err, &refusal) || refusal.Code != AlreadyRunning {
			t.Errorf("a second one: %v", err)
		}
	})
}

// tallied is a service whose surveys are counted while they run.
type tallied struct {
	providers.Provider
	now, most *atomic.Int32
}

func (s tallied) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	s.most.Store(max(s.most.Load(), s.now.Add(1)))
	defer s.now.Add(-1)
	pass(time.Second)
	return s.Provider.Survey(ctx, current)
}

// TestBatchIsBounded: no more rotations are begun at once than a replica drives.
func TestBatchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 9)
		f.setup = func(c *Config) { c.Drivers = 2 }
		var now, most atomic.Int32
		for _, g := range f.rigs {
			g.configure = func(s *Subject) { s.Provider = tallied{s.Provider, &now, &most} }
		}
		e := f.engine("one")
		b := f.cry(e)
		if err := e.drive(t.Context(), b.Key()); err != nil {
			t.Fatal(err)
		}
		p, err := e.Batch(t.Context(), b.Key())
		if n := most.Load(); err != nil || n != 2 || p.Count(Waits) > 0 {
			t.Errorf("%d were begun at once, 2 are allowed; %d wait: %v", n, p.Count(Waits), err)
		}
	})
}
