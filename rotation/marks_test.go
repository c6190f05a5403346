package rotation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"rekey/rotation/event"
)

// What made an approval fall is told as it was: taken back, or given by
// somebody who may not give it any more.
func TestWhyAnApprovalFell(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after func(*rig)
		want  string
	}{
		"taken back":      {(*rig).unmark, "an approval was withdrawn"},
		"left the list":   {func(g *rig) { g.unmark(); g.mark(true, approver, Standing{Member: true}) }, "somebody who approved is not entitled to any more"},
		"deactivated":     {func(g *rig) { g.unmark(); g.mark(true, approver, Standing{Why: "deactivated", Approver: true}) }, "somebody who approved is not entitled to any more"},
		"others are here": {func(g *rig) { g.unmark(); g.mark(true, requester, mayVote) }, "an approval was withdrawn"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				e := g.engine("one")
				stop := g.run(t.Context(), e)
				r := g.until(e, g.start(e).Key(), Asking)
				stop() // so that it changes before the act
				g.approve(e, r)
				c.after(g)
				defer g.run(t.Context(), e)()
				synctest.Wait()
				r = g.until(e, r.Key(), Asking)
				if r.Card.Number != 2 || len(g.ended) > 0 {
					t.Errorf("card %d, ended %v", r.Card.Number, g.ended)
				}
				for _, ev := range g.journal(r.Key()) {
					if ev.Kind == event.Void && !strings.Contains(ev.Text, c.want) {
						t.Errorf("told: %s", ev.Text)
					}
				}
			})
		})
	}
}

// Marks on a request that was replaced decide nothing, whoever brings them.
func TestMarksOnAnOldRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		first := g.until(e, g.start(e).Key(), Asking)
		g.mark(false, approver, mayVote)
		g.consider(e, first)
		g.until(e, first.Key(), Pending)
		g.unmark()
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.until(e, first.Key(), Asking)
		g.mark(true, approver, mayVote)
		if tally := g.consider(e, first); tally.State != CardVoid {
			t.Errorf("request 1 came to %s", tally.State)
		}
		synctest.Wait()
		if r := g.until(e, first.Key(), Asking); r.Card.Number != 2 || r.Card.State != CardOpen || len(g.ended) > 0 {
			t.Errorf("card %d is %s, ended %v", r.Card.Number, r.Card.State, g.ended)
		}
	})
}

// TestTheApprovalIsLookedUpLast: between the look at the approval and the act
// nothing outside is asked, so whoever takes an approval back while certificates
// are taken is heard.
func TestTheApprovalIsLookedUpLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		g.approve(e, g.until(e, g.start(e).Key(), Asking))
		synctest.Wait()
		g.in(func() {
			if at := slices.Index(g.touched, "end"); at < 1 || g.touched[at-1] != "marks" {
				t.Errorf("before the act: %v", g.touched[max(0, at-5):at+1])
			}
		})
	})
}

// TestWithdrawnWhileCertificatesAreTaken: an approval taken back at any moment
// of the looks before the act ends nothing.
func TestWithdrawnWhileCertificatesAreTaken(t *testing.T) {
	t.Parallel()
	for _, during := range []string{"attest staging", "attest production", "affected production", "survey"} {
		t.Run(during, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				e := g.engine("one")
				stop := g.run(t.Context(), e)
				r := g.until(e, g.start(e).Key(), Asking)
				stop()
				g.approve(e, r)
				withdrawn := false
				g.in(func() {
					g.after = func(call string, _ int) error {
						if call == during && !withdrawn {
							withdrawn, g.marks.Marks = true, nil
						}
						return nil
					}
				})
				defer g.run(t.Context(), e)()
				synctest.Wait()
				r = g.until(e, r.Key(), Asking)
				g.in(func() {
					if !withdrawn || r.Card.Number != 2 || len(g.ended) > 0 {
						t.Errorf("withdrawn %t, card %d, ended %v", withdrawn, r.Card.Number, g.ended)
					}
				})
			})
		})
	}
}

// TestASlowSourceIsAskedOnNewCertificates: what the source says after the
// certificates have become old does not carry an act.
func TestASlowSourceIsAskedOnNewCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.until(e, g.start(e).Key(), Asking)
		stop()
		g.approve(e, r)
		slow := &slowBallot{Ballot: e.config.Ballot, left: 2}
		e.config.Ballot = slow
		defer g.run(t.Context(), e)()
		g.until(e, r.Key(), Succeeded)
		if slow.left != 0 || g.count("end") != 1 {
			t.Errorf("%d slow answers left, ended %d times", slow.left, g.count("end"))
		}
	})
}

// slowBallot answers a few times only when it is no longer waited for.
type slowBallot struct {
	Ballot
	left int
}

func (b *slowBallot) Marks(ctx context.Context, r *Rotation, card int) (Marks, error) {
	if b.left > 0 {
		b.left--
		<-ctx.Done()
		return Marks{}, ctx.Err()
	}
	return b.Ballot.Marks(ctx, r, card)
}
