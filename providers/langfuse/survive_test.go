package langfuse_test

import (
	"testing"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/langfuse"
)

// TestSurvive: pairs that were deleted are unknown to a survey, and get
// successors in the same projects by what was kept of them, which holds nothing
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
		t.Fatal("a survey knows pairs that were deleted")
	}
	kind, err := p.Survive(t.Context(), found.Traits(), known, model)
	if err != nil || kind.Traits().Kind != found.Traits().Kind {
		t.Fatalf("%v", err)
	}
	for env, c := range known {
		if id, err := kind.Identify(c.Values); err != nil || id != c.ID {
			t.Errorf("%s holds %q: %v", env, id, err)
		}
		if found, err := kind.(providers.Prober).Probe(t.Context(), c.Values); err != nil || found.Liveness != providers.Refused {
			t.Errorf("the old pair of %s: %+v, %v", env, found, err)
		}
		made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), env, "rk_test_"+env+"_r1_1")
		if err != nil {
			t.Fatal(err)
		}
		if found, err := kind.(providers.Prober).Probe(t.Context(), made.Values); err != nil || found.Liveness != providers.Alive {
			t.Errorf("the new pair of %s: %+v, %v", env, found, err)
		}
		known[env] = made
	}
	if _, err = p.Survive(t.Context(), found.Traits(), known, model); err != nil { // a restart after the writes
		t.Fatal(err)
	}
}

// TestSurviveNeedsTheModel: without the project that was kept nothing is made,
// and nothing where the configuration names another one since.
func TestSurviveNeedsTheModel(t *testing.T) {
	w := newWorld(t)
	traits := w.kind(t).Traits()
	known := map[string]providers.Credential{"production": {Values: w.production.values()}}
	whole := `{"v":1,"projects":{"production":{"site":"` + w.url + `","id":"` + productionProject + `"}}}`
	for name, model := range map[string]string{
		"none": "", "no JSON": "{", "another form": `{"v":2}`, "another environment": `{"v":1,"projects":{"staging":{}}}`,
		"another site": `{"v":1,"projects":{"production":{"site":"https://cloud.langfuse.com","id":"` + productionProject + `"}}}`,
	} {
		if _, err := w.provider(t).Survive(t.Context(), traits, known, providers.Model(model)); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
	other := func(c *langfuse.Config) { c.Projects = map[string]string{"production": stagingProject} }
	if _, err := w.provider(t, other).Survive(t.Context(), traits, known, providers.Model(whole)); err == nil {
		t.Error("it goes on in another project than the configuration names")
	}
	if p := w.provider(t); p.Survives(w.kind(t, byHand).Traits()) {
		t.Error("what a person makes is made after the one in use")
	}
}
