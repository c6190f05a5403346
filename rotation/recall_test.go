package rotation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// nameless makes the rig's service one that takes no name for a key and whose
// list shows values, and at which people end keys.
func (g *rig) nameless() {
	g.traits = func(t *providers.Traits) { t.Unnamed, t.EndByHand, t.PublicID = true, true, false }
	configure := g.configure
	g.configure = func(s *Subject) {
		if configure != nil {
			configure(s)
		}
		s.Provider = namelessService{g}
	}
}

type namelessService struct{ g *rig }

func (s namelessService) Survey(context.Context, map[string]providers.Values) (providers.Kind, error) {
	return unlabelled{manual{byHand{switchable{found(s)}}}, s.g}, s.g.effect("survey", func() error { return nil })
}

// unlabelled is its kind. Nothing but what manual needs of byHand is shown.
type unlabelled struct {
	m manual
	g *rig
}

func (k unlabelled) Traits() providers.Traits                          { return k.m.Traits() }
func (k unlabelled) Identify(v providers.Values) (providers.ID, error) { return k.m.Identify(v) }
func (k unlabelled) Tail(providers.Values) string                      { return "tail" }
func (k unlabelled) GuideEnd(env string, id providers.ID) (providers.Guidance, error) {
	return k.m.GuideEnd(env, id)
}

func (k unlabelled) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	return k.m.Probe(ctx, v)
}

func (k unlabelled) Issue(ctx context.Context, _ string) (providers.Credential, error) {
	return k.m.k.Issue(ctx, "a name of its own")
}

func (k unlabelled) List(ctx context.Context) ([]providers.Credential, error) { return k.m.k.List(ctx) }

func (k unlabelled) Recall(_ context.Context, _ string, known []providers.ID) ([]providers.Credential, error) {
	var all []providers.Credential
	err := k.g.effect("recall", func() error {
		for id, own := range k.g.keys {
			if !slices.Contains(known, id) {
				all = append(all, providers.Credential{ID: id, Label: own.label, Values: providers.Values{"FAL_KEY": secret.New(own.value)}})
			}
		}
		return nil
	})
	return all, err
}

func lostAnswer() error {
	return &fault.Error{Op: "creating", Class: fault.Lost, Reason: fault.TimedOut}
}

// TestLostAnswerIsRecalled: what appeared after a creation without an answer
// is what was made. It is taken, and no other one is made.
func TestLostAnswerIsRecalled(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*rig){"shared": func(*rig) {}, "apart": (*rig).apart} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				arrange(g)
				g.nameless()
				g.after = func(call string, n int) error {
					if call == "issue" && n == 1 {
						return lostAnswer()
					}
					return nil
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				g.approve(e, r)
				r = g.until(e, r.Key(), Succeeded)
				g.invariants(r)
				if want := len(r.Ends); len(g.issued) != want || r.Census != nil || len(r.Loose) > 0 {
					t.Errorf("issued %v for %d ends; census %+v, loose %v", g.issued, want, r.Census, r.Loose)
				}
				if r.Places[Staging].New.ID != g.issued[0] || r.Places[Staging].New.Last4 != "tail" {
					t.Errorf("staging has %+v", r.Places[Staging].New)
				}
			})
		})
	}
}

// TestNothingAppeared: a creation that never arrived is made again after the
// time in which it could still be listed, and named in the end.
func TestNothingAppeared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.nameless()
		g.before = func(call string, n int) error {
			if call == "issue" && n == 1 {
				return lostAnswer()
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		began := time.Now()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		g.invariants(r)
		if len(g.issued) != 1 || time.Since(began) < 10*time.Second {
			t.Errorf("issued %v after %s", g.issued, time.Since(began))
		}
		if len(r.Loose) != 1 || !strings.Contains(unseen(r), "never answered") {
			t.Errorf("loose %v, told %q", r.Loose, unseen(r))
		}
	})
}

// TestSeveralAppeared: where somebody else made a key meanwhile, it cannot be
// told which is ours.
func TestSeveralAppeared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.nameless()
		g.after = func(call string, n int) error {
			if call == "issue" && n == 1 {
				g.keys["key-other"] = key{"somebody's", "key-other:0123456789abcdef0123456789"}
				return lostAnswer()
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Stuck)
		if r.Problem.Reason != string(fault.Ambiguous) || !strings.Contains(r.Problem.What, "2 keys have appeared") || len(g.issued) != 1 {
			t.Fatalf("%+v, issued %v", r.Problem, g.issued)
		}
		g.mu.Lock()
		delete(g.keys, "key-other")
		g.mu.Unlock()
		if _, err := e.Retry(t.Context(), r.Secret, requester); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking)
		if r.Places[Staging].New.ID != g.issued[0] || len(g.issued) != 1 {
			t.Errorf("staging has %+v, issued %v", r.Places[Staging].New, g.issued)
		}
	})
}
