package rotation

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

func ownRecords() (string, error) { return "it keeps its own records there", nil }

// TestOwnBranchGoesLast: what Rekey stands on is not begun by a batch. The others
// are contained, and the table calls for its second path with what to type.
func TestOwnBranchGoesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3)
		f.rigs[0].configure = func(s *Subject) { s.Sustains = ownRecords }
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		if last := b.Members[2]; last.Secret != "S1" || !last.Second || !strings.Contains(last.Why, "`rekey emergency S1 what happened --local-journal FILE") {
			t.Fatalf("%+v", b.Members)
		}
		p := f.lively(e, b, "over", over)
		if p.Count(Buried) != 2 || p.Count(Wanting) != 1 || len(p.Last()) != 1 || f.begun(e, "S1") != 0 || len(f.rigs[0].touched) > 0 {
			t.Errorf("%v, begun %d times, asked %v", p.facts(), f.begun(e, "S1"), f.rigs[0].touched)
		}
		if n := f.rigs[0].told(b.Key(), "2 of 3 old keys are dead. 1 waits for a person. The last one is S1: stop every bot, then type"); n != 1 || !p.Contained.IsZero() {
			t.Errorf("told %d times, contained at %s", n, p.Contained)
		}
	})
}

// TestOwnBranchAlone: a batch of nothing else rests at once, and calling it off
// takes the row back.
func TestOwnBranchAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1)
		f.rigs[0].configure = func(s *Subject) { s.Sustains = ownRecords }
		e := f.engine("one")
		b := f.cry(e)
		off, err := e.CancelBatch(t.Context(), "", requester)
		if err != nil || off.Count(Failed) != 1 || len(off.Last()) != 0 {
			t.Fatalf("%v: %+v", err, off)
		}
		stop := f.rigs[0].run(t.Context(), e)
		defer stop()
		f.until(e, b, "over", over)
		b = f.cry(e)
		if p := f.until(e, b, "over", over); len(p.Last()) != 1 {
			t.Errorf("%v", p.facts())
		}
		if last, err := e.LastBatch(t.Context(), ""); err != nil || last.ID != b.ID || len(last.Last()) != 1 {
			t.Errorf("the last one is %+v, %v", last, err)
		}
		if other, err := e.LastBatch(t.Context(), "x"); err != nil || other != nil {
			t.Errorf("of a tag that nobody cried for: %+v, %v", other, err)
		}
	})
}

// TestOwnBranchRefused: by itself it is refused before anything is looked at, in
// an emergency with the second path.
func TestOwnBranchRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.configure = func(s *Subject) { s.Sustains = ownRecords }
		e := g.engine("one")
		for mode, want := range map[Mode][]string{
			Routine:   {"its own records", "nothing was changed", "/rotate-emergency FAL_KEY"},
			Emergency: {"its own records", "nothing was started", "rekey emergency FAL_KEY what happened --local-journal FILE", "stop every bot"},
		} {
			_, err := e.Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Mode: mode, Reason: "leaked"})
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Code != NotPlannable {
				t.Fatalf("%s: %v", mode, err)
			}
			for _, text := range want {
				if !strings.Contains(refusal.Sentence, text) {
					t.Errorf("%s: %q is not in %q", mode, text, refusal.Sentence)
				}
			}
		}
		if _, err := e.Preview(t.Context(), "FAL_KEY"); err == nil {
			t.Error("it is planned")
		}
		if len(g.touched) > 0 {
			t.Errorf("asked %v", g.touched)
		}
		// What cannot be told is for the survey, which asks the same again.
		g.configure = func(s *Subject) { s.Sustains = func() (string, error) { return "", errors.New("no file") } }
		e = g.engine("two")
		defer g.run(t.Context(), e)()
		g.until(e, g.start(e).Key(), Asking)
	})
}

// TestOwnBranchImported: an emergency that was begun away from Rekey's records, and
// came to them before it was over, stops for a person where it would end the old
// key, and goes on when they lie elsewhere.
func TestOwnBranchImported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.mode = Emergency
		away := g.engine("terminal")
		stop := g.run(t.Context(), away)
		r := g.until(away, g.start(away).Key(), Asking)
		stop()

		g.configure = func(s *Subject) { s.Sustains = ownRecords }
		e := g.engine("bot")
		stop = g.run(t.Context(), e)
		g.approve(e, r)
		r = g.until(e, r.Key(), Stuck)
		stop()
		if len(g.ended) > 0 || g.counts["end"] > 0 || g.counts["disable"] > 0 {
			t.Errorf("asked for an end: %v", g.touched)
		}
		if text := r.Problem.Text(); !strings.Contains(text, "Rekey stands on it itself: it keeps its own records there") || !strings.Contains(text, "on another server") {
			t.Errorf("people are told: %s", text)
		}

		g.configure = nil
		e = g.engine("moved")
		defer g.run(t.Context(), e)()
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		if r = g.until(e, r.Key(), Succeeded); !r.OldDead() || len(g.ended) != 1 {
			t.Errorf("old key dead %t, ended %v", r.OldDead(), g.ended)
		}
	})
}
