package rotation

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/trail"
	"rekey/providers"
	"rekey/rotation/event"
)

// TestAuditEndsWithTheDeath: where issuing kills the old key its death is proved
// last of all, and the audit comes after that proof.
func TestAuditEndsWithTheDeath(t *testing.T) {
	t.Parallel()
	for name, ground := range turns {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				ground.arrange(g)
				g.mode = Emergency
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				g.approve(e, r)
				r = g.until(e, r.Key(), Succeeded, Stuck)
				if r.State != Succeeded {
					t.Fatalf("it is %s: %+v", r.State, r.Problem)
				}
				if dead := r.ContainedAt(); r.Audit.Dead.IsZero() || r.Audit.Closed.Before(dead) || r.Audit.Dead.Before(dead) {
					t.Errorf("proved dead at %s; the audit says %s, and closed at %s", dead, r.Audit.Dead, r.Audit.Closed)
				}
				if text := string(r.Audit.Markdown()); strings.Contains(text, "proved dead | not reached") || strings.Contains(text, "not the last") {
					t.Error(text)
				}
				var order []event.Kind
				for _, ev := range g.journal(r.Key()) {
					if slices.Contains([]event.Kind{event.Dead, event.Audited, event.Reported}, ev.Kind) {
						order = append(order, ev.Kind)
					}
				}
				if want := []event.Kind{event.Dead, event.Audited, event.Reported}; !slices.Equal(order, want) {
					t.Errorf("told %v, want %v", order, want)
				}
			})
		})
	}
}

// TestAuditOfAKeyThatLivesOn: the old key lives on against what was thought. What
// is known is told, as not the last, and again when it is dead.
func TestAuditOfAKeyThatLivesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Cutover)
		g.mode = Emergency
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.in(func() { // the audit's first looks are under way
			g.after = func(call string, _ int) error {
				if call == "issue" {
					g.keys["key-old"] = key{"", oldValue}
					g.doomed["key-old"] = time.Now().Add(6 * time.Hour)
				}
				return nil
			}
		})
		g.approve(e, r)
		pass(4 * time.Hour)
		first := g.eventOf(r.Key(), event.Audited)
		if r, _ = e.Load(t.Context(), r.Key()); r.State != Running || g.kinds(r.Key(), event.Audited) != 1 || !strings.Contains(first.Text, "was not proved dead by then, so this audit is not the last") {
			t.Fatalf("%s, audited %d times: %s", r.State, g.kinds(r.Key(), event.Audited), first.Text)
		}
		r = g.untilLong(e, r.Key(), Succeeded)
		if g.kinds(r.Key(), event.Audited) != 2 || r.Audit.Dead.IsZero() || strings.Contains(r.Audit.Summary(), "not the last") {
			t.Errorf("audited %d times: %s", g.kinds(r.Key(), event.Audited), r.Audit.Summary())
		}
	})
}

// TestAuditBeforeARootKeyDies: its first audit says until when it is open.
func TestAuditBeforeARootKeyDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRooted(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		pass(2 * time.Hour)
		r, err := e.Load(t.Context(), r.Key())
		if err != nil {
			t.Fatal(err)
		}
		until := r.Dies().UTC().Format("2006-01-02 15:04:05 UTC")
		if said := g.eventOf(r.Key(), event.Audited).Text; !strings.Contains(said, "The old key lives until "+until+", so this audit is not the last") {
			t.Error(said)
		}
		if text := string(r.Audit.Markdown()); !strings.Contains(text, "| the old one dies by itself | "+until) {
			t.Error(text)
		}
		r = g.untilLong(e, r.Key(), Succeeded)
		if text := string(r.Audit.Markdown()); strings.Contains(text, "not the last") || strings.Contains(text, "dies by itself") || strings.Contains(text, "not reached") {
			t.Error(text)
		}
	})
}

// looking is a vault whose readers are asked for; it does something then.
type looking struct {
	vault
	then func()
}

func (looking) Sources() []trail.Source {
	return []trail.Source{{Name: "vault log", Tells: "who read"}}
}

func (v looking) Readings(_ context.Context, _ string, _ []string, over trail.Window) ([]trail.Trail, error) {
	v.then()
	return []trail.Trail{trail.NewGather(over).Trail(v.Sources()[0], trail.Complete, "")}, nil
}

// TestRevivedAfterTheAudit: a key that comes back to life between the audit and the
// report is found by the look before the report.
func TestRevivedAfterTheAudit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.turning(providers.Cutover)
		g.mode = Emergency
		var once sync.Once
		var r *Rotation
		g.configure = func(s *Subject) {
			s.Vault = looking{vault{g}, func() {
				if r != nil && g.kinds(r.Key(), event.Dead) > 0 {
					once.Do(func() {
						g.in(func() { g.keys["key-old"], g.doomed["key-old"] = key{"", oldValue}, time.Now().Add(time.Hour) })
					})
				}
			}}
		}
		e := g.engine("one")
		asked := g.start(e)
		r = asked
		defer g.run(t.Context(), e)()
		g.approve(e, g.until(e, asked.Key(), Asking))
		done := g.untilLong(e, asked.Key(), Succeeded)
		if g.kinds(done.Key(), event.Revived) != 1 || !done.OldDead() || g.kinds(done.Key(), event.Dead) != 2 {
			t.Errorf("revived %d times, dead %t", g.kinds(done.Key(), event.Revived), done.OldDead())
		}
	})
}
