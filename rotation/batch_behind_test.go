package rotation

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
)

// TestOtherEnvironmentWaits: an emergency of staging's own key that is called while
// production's is open begins when that is over, never beside it, for the same
// reason; a replica that dies meanwhile changes nothing.
func TestOtherEnvironmentWaits(t *testing.T) {
	for _, first := range environments() {
		t.Run(first+" first", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { waitsForOther(t, first, other(first)) })
		})
	}
}

func other(env string) string {
	if env == Staging {
		return Production
	}
	return Staging
}

func waitsForOther(t *testing.T, first, second string) {
	f := newFleet(t, 1)
	g := f.rigs[0]
	g.apart()
	g.configure = func(s *Subject) {
		s.Shared = false
		staging := s.Stages[Staging]
		staging.Checks = s.Stages[Production].Checks
		s.Stages[Staging] = staging
	}
	e := f.engine("one")
	stop := g.run(t.Context(), e)
	r, err := e.Start(t.Context(), Order{Secret: "S1", Requester: requester, Mode: Emergency, Reason: "it is on github", Environment: first})
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now().Add(-48 * time.Hour)
	alarm := Alarm{Secret: "S1", Environment: second, Requester: requester, Reason: "it is on github", Exposed: since}
	b, err := e.StartBatch(t.Context(), alarm)
	if err != nil {
		t.Fatal(err)
	}
	var refusal *Refusal
	if _, err := e.StartBatch(t.Context(), alarm); !errors.As(err, &refusal) || refusal.Code != AlreadyRunning {
		t.Errorf("called twice: %v", err)
	}
	r = g.until(e, r.Key(), Asking)
	pass(10 * time.Minute)
	p, err := e.Batch(t.Context(), b.Key())
	if err != nil || p.Parts[0].Stand != Waits || !strings.Contains(p.Parts[0].Why, first+"'s own key") || f.begun(e, "S1") != 1 {
		t.Fatalf("%+v, %v", p.Parts[0], err)
	}
	stop()
	e = f.engine("two")
	defer g.run(t.Context(), e)()
	g.approve(e, r)
	p = f.lively(e, b, "over", over)
	next := p.Parts[0].Rotation
	if p.Parts[0].Stand != Buried || next.Cell.OnlyStaging != (second == Staging) || next.Reason != "it is on github" || !next.Exposed.Equal(since) || next.ID == r.ID {
		t.Fatalf("%s: %+v", p.Parts[0].Stand, next)
	}
	if r, err = e.Load(t.Context(), r.Key()); err != nil || next.Started.Before(r.Ended) || r.Ended.IsZero() {
		t.Errorf("they ran beside each other: %s, %s", r.Ended, next.Started)
	}
	ends := []providers.ID{"key-old", "key-olds"}
	if first == Staging {
		slices.Reverse(ends)
	}
	if !slices.Equal(g.ended, ends) || f.begun(e, "S1") != 2 {
		t.Errorf("ended %v", g.ended)
	}
}

// TestCancelReachesWhatWaits: what waits for the other environment's emergency is
// called off by its secret's name, and begins nothing when that one is over; what has
// begun is left to an ordinary cancel.
func TestCancelReachesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		g := f.rigs[0]
		g.apart()
		e := f.engine("one")
		defer g.run(t.Context(), e)()
		open, err := e.Start(t.Context(), Order{Secret: "S1", Requester: requester, Mode: Emergency, Reason: "it is on github"})
		if err != nil {
			t.Fatal(err)
		}
		b, err := e.StartBatch(t.Context(), Alarm{Secret: "S1", Environment: Staging, Requester: requester, Reason: "it is on github"})
		if err != nil {
			t.Fatal(err)
		}
		if off, err := e.CancelWaiting(t.Context(), "S2", requester); err != nil || len(off) > 0 {
			t.Errorf("of another secret: %v, %v", off, err)
		}
		off, err := e.CancelWaiting(t.Context(), "s1", requester)
		if err != nil || len(off) != 1 || off[0].Key() != b.Key() || off[0].Whole() != "S1 in staging" {
			t.Fatalf("%v, %v", off, err)
		}
		if again, err := e.CancelWaiting(t.Context(), "S1", requester); err != nil || len(again) > 0 {
			t.Errorf("asked again: %v, %v", again, err)
		}
		if r := g.until(e, open.Key(), Asking); r.Card == nil || r.Card.State != CardOpen {
			t.Errorf("what is open is %s", r.State)
		}
		g.approve(e, g.until(e, open.Key(), Asking))
		g.until(e, open.Key(), Succeeded)
		pass(time.Hour)
		if p := f.until(e, b, "over", over); !p.Parts[0].Refused || f.begun(e, "S1") != 1 {
			t.Errorf("%+v", p.Parts[0])
		}
	})
}

// TestBatchOfStaging: several secrets at once, staging's own key where there is one
// and the shared one where not; an emergency of production's that is open is no row of
// it, and one of staging's is.
func TestBatchOfStaging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		for _, g := range f.rigs[1:] {
			g.apart()
			g.configure = func(s *Subject) {
				s.Shared = false
				staging := s.Stages[Staging]
				staging.Checks = s.Stages[Production].Checks
				s.Stages[Staging] = staging
			}
		}
		e := f.engine("one")
		called, err := e.Start(t.Context(), Order{Secret: "S2", Requester: requester, Mode: Emergency, Reason: "before", Environment: Staging})
		if err != nil {
			t.Fatal(err)
		}
		open, err := e.Start(t.Context(), Order{Secret: "S3", Requester: requester, Mode: Emergency, Reason: "before"})
		if err != nil {
			t.Fatal(err)
		}
		defer f.rigs[0].run(t.Context(), e)()
		since := time.Now().Add(-time.Hour)
		b, err := e.StartBatch(t.Context(), Alarm{Requester: requester, Reason: "a laptop was stolen", Environment: Staging, Exposed: since})
		if err != nil {
			t.Fatal(err)
		}
		p := f.until(e, b, "what can begin asks", func(p *Progress) bool { return p.Count(Asks) == 2 })
		linked, _ := p.part("S2")
		waiting, _ := p.part("S3")
		if linked.Rotation == nil || linked.Rotation.ID != called.ID || linked.Refused || waiting.Stand != Waits || waiting.Refused {
			t.Errorf("%+v, %+v", linked, waiting)
		}
		f.of("S3").approve(e, f.of("S3").until(e, open.Key(), Asking))
		p = f.lively(e, b, "over", over)
		for name, alone := range map[string]bool{"S1": false, "S2": true, "S3": true} {
			if part, _ := p.part(name); part.Stand != Buried || part.Rotation.Cell.OnlyStaging != alone || name != "S2" && !part.Rotation.Exposed.Equal(since) {
				t.Errorf("%s: %s, %s, since %s", name, part.Stand, part.Rotation.Cell, part.Rotation.Exposed)
			}
		}
	})
}

// TestBatchCalledOffReachesRows: calling it off cancels each rotation as if somebody
// had typed that, an adopted one too, and begins nothing that waits.
func TestBatchCalledOffReachesRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		g := f.rigs[1]
		g.apart()
		e := f.engine("one")
		open, err := e.Start(t.Context(), Order{Secret: "S2", Requester: requester, Mode: Emergency, Reason: "before"})
		if err != nil {
			t.Fatal(err)
		}
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		queued, err := e.StartBatch(t.Context(), Alarm{Secret: "S2", Environment: Staging, Requester: requester, Reason: "before"})
		if err != nil {
			t.Fatal(err)
		}
		f.until(e, b, "all ask", all(Asks))
		off, err := e.CancelBatch(t.Context(), "", requester)
		if err != nil || off.Key() != b.Key() || len(off.Kept) > 0 {
			t.Fatalf("%+v, %v", off, err)
		}
		for _, part := range f.until(e, b, "over", over).Parts {
			if r := part.Rotation; r.State != Pending || len(r.Ends) > 0 {
				t.Errorf("%s: %s, ends %v", part.Secret, r.State, r.Ends)
			}
		}
		if off, err = e.CancelBatch(t.Context(), "", requester); err != nil || off.Key() != queued.Key() {
			t.Fatalf("%+v, %v", off, err)
		}
		p := f.until(e, queued, "over", over)
		pass(time.Hour)
		if !p.Parts[0].Refused || f.begun(e, "S2") != 1 || g.until(e, open.Key(), Pending).ID != open.ID {
			t.Errorf("%+v", p.Parts[0])
		}
	})
}
