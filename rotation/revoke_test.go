package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// listed is what a survey of a service needs that forgets what has ended.
func (g *rig) listed(current map[string]providers.Values) error {
	for env, v := range current {
		id, _, _ := strings.Cut(v["FAL_KEY"].Reveal(), ":")
		if _, lives := g.keys[providers.ID(id)]; !lives && g.forgets {
			return fault.New("surveying", fault.NotFound, env+" holds a key that the service does not list")
		}
	}
	return nil
}

// Survive is what a provider can do whose new keys take nothing from the old.
func (s service) Survives(providers.Traits) bool { return true }

func (s service) Survive(_ context.Context, _ providers.Traits, known map[string]providers.Credential, model providers.Model) (providers.Kind, error) {
	if want := s.g.model; string(model) != want {
		return nil, fault.New("going on", fault.Ambiguous, "the model is "+string(model))
	}
	for env, c := range known {
		if c.ID == "" {
			return nil, fault.New("going on", fault.Ambiguous, env)
		}
	}
	return s.look(s.g.effect("survive", func() error { return nil }))
}

// modelled is the kind whose keys are made after the ones in use.
type modelled struct{ found }

func (k modelled) Model() (providers.Model, error) { return providers.Model(k.g.model), nil }

// TestRevokeFirstKeepsNothingSecret: a model that is too large, or has a value in
// it, is not kept, and nothing ends.
func TestRevokeFirstKeepsNothingSecret(t *testing.T) {
	for name, model := range map[string]string{"a value": `{"v":"` + oldValue + `"}`, "too large": `{"v":"` + strings.Repeat("x", maxModel) + `"}`, "no JSON": "{"} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			g.model = model
			e := g.engine("one")
			defer g.run(t.Context(), e)()
			if r := g.until(e, g.revoke(e).Key(), Stuck, Asking); r.State != Stuck || len(r.Model) > 0 || len(g.ended) > 0 {
				t.Errorf("%s: %s, kept %d bytes, ended %v", name, r.State, len(r.Model), g.ended)
			}
		})
	}
}

// revoke begins an emergency in which the old key ends first.
func (g *rig) revoke(e *Engine) *Rotation {
	g.t.Helper()
	g.forgets = true
	r, err := e.Start(g.t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Mode: Emergency, RevokeFirst: true, Reason: "the vault is open"})
	var refusal *Refusal
	if errors.As(err, &refusal) {
		g.t.Fatal(refusal.Sentence)
	} else if err != nil {
		g.t.Fatal(err)
	}
	return r
}

// revocations are the kinds of worlds in which a key can end first.
var revocations = map[string]struct {
	arrange func(*rig)
	live    int
}{
	"shared":           {func(*rig) {}, 1},
	"apart":            {(*rig).apart, 2},
	"undo of end":      {func(g *rig) { g.traits = func(t *providers.Traits) { t.UndoOfEnd = true } }, 1},
	"apart, with undo": {func(g *rig) { g.apart(); g.traits = func(t *providers.Traits) { t.UndoOfEnd = true } }, 2},
	"guided":           {(*rig).guide, 1},
	"by hand, apart":   {func(g *rig) { g.console(); g.apart() }, 2},
	"with others":      {func(g *rig) { g.others = others }, 1},
	"after a model":    {func(g *rig) { g.model = `{"v":1}` }, 1},
}

// closes answers the request about the vault with a plain yes.
func (g *rig) closes(e *Engine, r *Rotation) {
	g.t.Helper()
	if r.Card.About != AboutVault {
		g.t.Fatalf("the card is about %q", r.Card.About)
	}
	g.unmark()
	g.approve(e, r)
}

// TestRevokeFirst: the outage is said and approved, the old key is dead before
// anything else, nothing new is made before a person says that the vault is
// closed, and the gap is measured.
func TestRevokeFirst(t *testing.T) {
	t.Parallel()
	for name, c := range revocations {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				c.arrange(g)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.revoke(e).Key(), Asking)
				if r.Card.About != "" || !strings.Contains(r.Card.Outage, "before there is a new one") || len(g.ended) > 0 {
					t.Fatalf("%+v, ended %v", r.Card, g.ended)
				}
				g.approve(e, r)
				r = g.until(e, r.Key(), Asking, Stuck)
				if r.State != Asking || !r.OldDead() || g.accepted("key-old") {
					t.Fatalf("%s, %+v; old dead %t", r.State, r.Problem, r.OldDead())
				}
				pass(2 * time.Hour)
				if g.count("issue") > 0 || len(g.labels) > 0 || len(g.issued) > 0 {
					t.Fatalf("something new was made before the vault was closed: %v, %v", g.issued, g.labels)
				}
				g.closes(e, r)
				r = g.until(e, r.Key(), Succeeded, Stuck)
				if r.State != Succeeded {
					t.Fatalf("%+v", r.Problem)
				}
				if len(g.ended) > 0 && !slices.Equal(g.ended, []providers.ID{"key-old"}) || len(g.keys) != c.live || r.Gap.Length() < 2*time.Hour || r.ContainedAt().IsZero() {
					t.Errorf("ended %v, live %v, gap %s, contained %s", g.ended, g.keys, r.Gap.Length(), r.ContainedAt())
				}
				if g.told(r.Key(), "The gap was") != 1 || g.told(r.Key(), "said: the vault is closed") != 1 {
					t.Error("the report does not tell of the gap, or nobody of the vault")
				}
				g.invariants(r)
			})
		})
	}
}

// TestRevokeFirstSaysNo: whoever says no at first ends it; whoever says that the
// vault is open stops it, and is asked again.
func TestRevokeFirstSaysNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.revoke(e).Key(), Asking)
		g.mark(false, approver, mayVote)
		g.consider(e, r)
		if r = g.until(e, r.Key(), Abandoned); len(g.ended) > 0 || g.told(r.Key(), "Old key still valid. Nothing was changed.") == 0 {
			t.Errorf("ended %v", g.ended)
		}
		g.unmark()
		r = g.until(e, g.revoke(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Asking)
		g.unmark()
		g.mark(false, approver, mayVote)
		g.consider(e, r)
		r = g.until(e, r.Key(), Stuck)
		if g.count("issue") > 0 || !strings.Contains(r.Problem.Text(), "The vault is not closed.") || !strings.Contains(r.Problem.Safe, "no working key") {
			t.Fatalf("issued %d times, %+v", g.count("issue"), r.Problem)
		}
		var refusal *Refusal
		if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); !errors.As(err, &refusal) || !strings.Contains(refusal.Sentence, "only a new one ends the outage") {
			t.Errorf("cancelled in the middle of an outage: %v", err)
		}
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		r = g.until(e, r.Key(), Asking)
		g.closes(e, r)
		g.until(e, r.Key(), Succeeded)
	})
}

// TestRevokeFirstTakenBack: a word taken back between the counting and the making
// of a key counts: nothing is made.
func TestRevokeFirstTakenBack(t *testing.T) {
	for _, what := range []string{"withdrawn", "vetoed"} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			e := g.engine("one")
			stop := g.run(t.Context(), e)
			r := g.until(e, g.revoke(e).Key(), Asking)
			g.approve(e, r)
			r = g.until(e, r.Key(), Asking)
			stop()
			g.closes(e, r)
			g.unmark()
			if what == "vetoed" {
				g.mark(false, approver, mayVote)
			}
			defer g.run(t.Context(), e)()
			want := map[string]State{"withdrawn": Asking, "vetoed": Stuck}[what]
			pass(time.Minute)
			if r = g.until(e, r.Key(), want); g.count("issue") > 0 || r.Card.Number != map[string]int{"withdrawn": 3, "vetoed": 2}[what] {
				t.Errorf("%s: issued %d times, card %d", what, g.count("issue"), r.Card.Number)
			}
		})
	}
}

// TestRevokeFirstRefused: what cannot end before its successor is refused, and
// nothing is changed.
func TestRevokeFirstRefused(t *testing.T) {
	for name, c := range map[string]struct {
		traits func(*providers.Traits)
		says   string
	}{
		"grace":         {func(tr *providers.Traits) { tr.Shape = providers.Grace }, "only by issuing its successor"},
		"cutover":       {func(tr *providers.Traits) { tr.Shape = providers.Cutover }, "ordinary emergency is already the fastest"},
		"signing key":   {func(tr *providers.Traits) { tr.Shape = providers.DeployFirst }, "cannot be ended first"},
		"a root key":    {func(tr *providers.Traits) { tr.Moves = true }, "only by making the next one"},
		"needs the old": {nil, "after the model of the old one"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Subject{Secret: Secret{Name: "X"}}
			s.Title = "the service"
			tr := providers.Traits{Shape: providers.Overlap}
			if c.traits != nil {
				c.traits(&tr)
				s.Provider = service{}
			}
			found := surveyed{traits: tr}
			err := found.plan(s, wish{Emergency, true, false})
			var refused *PlanError
			if !errors.As(err, &refused) || !strings.Contains(refused.Sentence, c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestRevokeFirstOvertakes: a routine rotation that has written nothing where
// production reads becomes the emergency: what it made is deleted, and staging is
// gone on with at last. One that has is refused with the way on.
func TestRevokeFirstOvertakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		world string
		at    crash
		goes  bool
	}{
		"shared, nothing yet":          {"shared", crash{"attest " + Production, 1, true}, true},
		"shared, made":                 {"shared", crash{"issue", 1, true}, true},
		"shared, sent":                 {"shared", crash{"write " + Staging, 1, false}, true},
		"shared, staging has it":       {"shared", crash{"deploy " + Staging, 1, true}, false},
		"shared, both have it":         {"shared", crash{"logs", 3, true}, false},
		"apart, staging is deployed":   {"apart, with undo", crash{"deploy " + Staging, 1, false}, true},
		"apart, staging is proved":     {"apart, with undo", crash{"attest " + Staging, 2, true}, true},
		"apart, made for production":   {"apart, with undo", crash{"issue", 2, true}, true},
		"apart, production has it":     {"apart, with undo", crash{"write " + Production, 1, true}, false},
		"by hand, staging is deployed": {"by hand, apart", crash{"deploy " + Staging, 1, true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { revokedInstead(t, revocations[c.world].arrange, c.at, c.goes) })
		})
	}
}

func revokedInstead(t *testing.T, arrange func(*rig), at crash, goes bool) {
	g := newRig(t)
	arrange(g)
	ctx, die := context.WithCancel(t.Context())
	g.strikes(at, die)
	first := g.engine("first")
	r := g.start(first)
	stop := g.run(ctx, first)
	<-ctx.Done()
	stop()
	pass(time.Minute)
	e := g.engine("second")
	order := Order{Secret: "FAL_KEY", Requester: requester, Mode: Emergency, RevokeFirst: true, Reason: "the vault is open"}
	_, err := e.Start(t.Context(), order)
	var refusal *Refusal
	if errors.As(err, &refusal) && strings.Contains(refusal.Sentence, "and cry again") {
		if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		_, err = e.Start(t.Context(), order)
	}
	if !goes {
		if !errors.As(err, &refusal) || !strings.Contains(refusal.Sentence, "without the flag takes it over") || len(g.ended) > 0 {
			t.Fatalf("%v; ended %v", err, g.ended)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	made := len(g.issued)
	g.in(func() { g.forgets = true })
	defer g.run(t.Context(), e)()
	for range 4 {
		if r = g.until(e, r.Key(), Asking, Succeeded, Stuck); r.State != Asking {
			break
		}
		g.unmark()
		if r.Card.About == AboutVault && len(g.issued) > made {
			t.Error("a key was made before the vault was closed")
		}
		g.approve(e, r)
		pass(time.Second)
	}
	if r = g.until(e, r.Key(), Succeeded, Stuck); r.State != Succeeded || !r.Cell.RevokeFirst || !r.OldDead() || g.accepted("key-old") {
		t.Fatalf("%s: %+v, old dead %t", r.State, r.Problem, r.OldDead())
	}
	if g.invariants(r); r.Gap.Length() <= 0 || g.kinds(r.Key(), event.Overtaken) != 1 {
		t.Errorf("the gap is %s", r.Gap.Length())
	}
}

// TestRevokeFirstKilled: a replica dies at each call of each step, before or after
// its effect; the next one finishes, never makes anything before the vault is
// closed, and leaves nothing behind.
func TestRevokeFirstKilled(t *testing.T) {
	t.Parallel()
	calls := []string{"survey", "survive", "read " + Production, "marks", "probe", "end", "disable", "list", "issue", "write " + Production, "write " + Staging,
		"deploy " + Production, "deploy " + Staging, "attest " + Production}
	for _, world := range []string{"shared", "apart, with undo", "guided", "by hand, apart", "after a model"} {
		for _, call := range calls {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, at %s, after %t", world, call, after), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { revokeKilled(t, revocations[world].arrange, call, after) })
				})
			}
		}
	}
}

func revokeKilled(t *testing.T, arrange func(*rig), call string, after bool) {
	g := newRig(t)
	arrange(g)
	e := g.engine("one")
	r := g.revoke(e)
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	died := false
	die := func(now string, _ int) error {
		if now != call || died {
			return nil
		}
		died = true
		kill()
		return errReplicaDied
	}
	if after {
		g.after = die
	} else {
		g.before = die
	}
	stop := g.run(ctx, e)
	defer func() { stop() }()
	for range 20 {
		if ctx.Err() != nil {
			stop()
			ctx = t.Context()
			pass(time.Minute)
			e = g.engine("two")
			stop = g.run(ctx, e)
		}
		made := 0
		g.in(func() { made = len(g.issued) })
		if r = g.loaded(e, r.Key()); made > 0 && !g.confirmed(r) {
			t.Fatal("a key was made before anybody said that the vault is closed")
		}
		switch {
		case r.State == Succeeded:
			g.invariants(r)
			if g.accepted("key-old") || g.kinds(r.Key(), event.Reported) != 1 || r.Gap.Length() <= 0 {
				t.Errorf("old lives %t, reported %d times, gap %s", g.accepted("key-old"), g.kinds(r.Key(), event.Reported), r.Gap.Length())
			}
			return
		case r.State == Asking && r.Card.State == CardOpen:
			g.unmark()
			g.approve(e, r)
		case r.State == Stuck && r.Problem.Reason == string(fault.Unsettled): // nothing waits in this vault
			if _, err := e.Retry(t.Context(), r.Secret, requester); err != nil {
				t.Fatal(err)
			}
		case r.State == Stuck || r.State.Final():
			t.Fatalf("%s: %+v", r.State, r.Problem)
		}
		pass(5 * time.Minute)
	}
	t.Fatalf("it did not end: %s at %d, %+v", r.State, r.Cursor, r.Problem)
}

func (g *rig) loaded(e *Engine, key string) *Rotation {
	r, err := e.Load(context.Background(), key)
	if err != nil {
		g.t.Fatal(err)
	}
	return r
}

func (g *rig) confirmed(r *Rotation) bool {
	return r.Card != nil && r.Card.About == AboutVault && r.Card.State == CardApproved || r.Wrote(Production)
}
