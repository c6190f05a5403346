package r2_test

import (
	"testing"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// TestSurvive: tokens that were deleted are unknown to a survey, and get
// successors that may do the same by what was kept of them, which holds nothing
// secret.
func TestSurvive(t *testing.T) {
	w := newWorld(t)
	found := w.kind(t)
	model, err := found.(providers.Modelled).Model()
	if err != nil {
		t.Fatal(err)
	}
	secrettest.NoLeak(t, w.issued(), string(model))
	known := make(map[string]providers.Credential)
	for env, values := range w.current() {
		id, err := found.Identify(values)
		if err != nil {
			t.Fatal(err)
		}
		known[env] = providers.Credential{ID: id, Values: values}
		if err := found.(providers.Ender).End(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	p := w.provider(t)
	if !p.Survives(found.Traits()) || p.Survives(providers.Traits{Kind: "another"}) {
		t.Error("it survives another kind, or not its own")
	}
	if _, err := p.Survey(t.Context(), w.current()); err == nil {
		t.Fatal("a survey knows tokens that were deleted")
	}
	kind, err := p.Survive(t.Context(), found.Traits(), known, model)
	if err != nil || kind.Traits().Kind != found.Traits().Kind {
		t.Fatalf("%v", err)
	}
	for env, c := range known {
		if found := probe(t, kind, c.Values); found.Liveness != providers.Refused {
			t.Errorf("the old key of %s: %+v", env, found)
		}
		made := issue(t, kind, env)
		if found := probe(t, kind, made.Values); found.Liveness != providers.Alive {
			t.Errorf("the new key of %s: %+v", env, found)
		}
		known[env] = made
	}
	// A restart after the writes: what the environments hold is new.
	if kind, err = p.Survive(t.Context(), found.Traits(), known, model); err != nil {
		t.Fatal(err)
	}
	for env, c := range known {
		if found := probe(t, kind, c.Values); found.Liveness != providers.Alive {
			t.Errorf("the new key of %s, after a restart: %+v", env, found)
		}
	}
}

// TestSurviveNeedsTheModel: without what was kept nothing is made.
func TestSurviveNeedsTheModel(t *testing.T) {
	w := newWorld(t)
	known := map[string]providers.Credential{"production": {Values: w.production.values()}}
	for name, model := range map[string]string{
		"none": "", "no JSON": "{", "another form": `{"v":2}`, "another environment": `{"v":1,"tokens":{"staging":{}}}`,
		"no policies": `{"v":1,"tokens":{"production":{"id":"` + w.production.id + `","lists":{"a":true}}}}`,
	} {
		if _, err := w.provider(t).Survive(t.Context(), w.kind(t).Traits(), known, providers.Model(model)); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
}
