package mem0_test

import (
	"testing"

	"rekey/providers"
)

// TestSurvive: keys that were ended are unknown to a survey, are known by their ids
// all the same, and get a successor that works.
func TestSurvive(t *testing.T) {
	w := newServer(t)
	found := w.kind(t)
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
		t.Fatal("a survey knows keys that were ended")
	}
	kind, err := p.Survive(t.Context(), found.Traits(), known, nil)
	if err != nil || kind.Traits().Kind != found.Traits().Kind {
		t.Fatalf("%v", err)
	}
	for env, c := range known {
		if id, err := kind.Identify(c.Values); err != nil || id != c.ID {
			t.Errorf("%s holds %q: %v", env, id, err)
		}
		if found, err := kind.(providers.Prober).Probe(t.Context(), c.Values); err != nil || found.Liveness != providers.Refused {
			t.Errorf("the old key of %s: %+v, %v", env, found, err)
		}
	}
	made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_test_production_abc_1")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), made.Values); err != nil || found.Liveness != providers.Alive {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := p.Survive(t.Context(), found.Traits(), map[string]providers.Credential{"production": {}}, nil); err == nil {
		t.Error("it goes on from nothing")
	}
}
