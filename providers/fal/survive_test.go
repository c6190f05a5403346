package fal_test

import (
	"testing"

	"rekey/providers"
)

// TestSurvive: a key that was ended is unknown to a survey, and its successor can
// be made all the same.
func TestSurvive(t *testing.T) {
	w := newWorld(t)
	found := w.kind(t)
	old, err := found.Identify(w.current()["production"])
	if err != nil {
		t.Fatal(err)
	}
	if err := found.(providers.Ender).End(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	p := w.provider(t)
	if _, err := p.Survey(t.Context(), w.current()); err == nil {
		t.Fatal("a survey knows a key that was deleted")
	}
	kind, err := p.Survive(t.Context(), found.Traits(), nil, nil)
	if err != nil || kind.Traits().Kind != found.Traits().Kind {
		t.Fatalf("%v", err)
	}
	made, err := kind.(providers.Issuer).Issue(t.Context(), "rk_test_all_abc_1")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), made.Values); err != nil || found.Liveness != providers.Alive {
		t.Errorf("%+v, %v", found, err)
	}
}
