package supabase_test

import (
	"strings"
	"testing"
	"time"

	"rekey/providers"
)

// TestSurvive: keys that were ended are unknown to a survey, are known by their ids
// all the same, and get a successor that works.
func TestSurvive(t *testing.T) {
	w := newWorld(t)
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

// TestLegacyKeyEndsFirst: in an emergency legacy keys are switched off whoever uses
// them, people hear before who else is cut off, and a secret key takes the place of
// the dead one.
func TestLegacyKeyEndsFirst(t *testing.T) {
	w := newWorld(t)
	w.uses = []use{old(productionRef), {ref: productionRef, role: "anon", at: time.Now().Add(-time.Minute), agent: "a browser"}}
	found := w.legacyKind(t, "production")
	values := w.legacyIn("production")["production"]
	id, err := found.Identify(values)
	if err != nil {
		t.Fatal(err)
	}
	forcer := found.(providers.Forcer)
	harm := forcer.Harm(t.Context(), id)
	for _, say := range []string{"ALL LEGACY KEYS", productionRef, "anon key, too", "They are still used", "the leaked one works again"} {
		if !strings.Contains(harm, say) {
			t.Errorf("%q does not say %q", harm, say)
		}
	}
	if harm := forcer.Harm(t.Context(), providers.ID(w.staging.ID)); harm != "" {
		t.Errorf("a secret key ends alone: %q", harm)
	}
	if err := found.(providers.Ender).End(t.Context(), id); err == nil || !w.legacy[productionRef] {
		t.Fatalf("an ordinary end does not wait: %v", err)
	}
	for range 2 { // it may be repeated
		if err := forcer.EndNow(t.Context(), id); err != nil || w.legacy[productionRef] || !w.legacy[stagingRef] {
			t.Fatalf("%v, %v", w.legacy, err)
		}
	}
	known := map[string]providers.Credential{"production": {ID: id, Values: values}}
	p := w.provider(t, sendsAPIKey)
	if !p.Survives(found.Traits()) {
		t.Error("it does not survive")
	}
	kind, err := p.Survive(t.Context(), found.Traits(), known, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := kind.Identify(values); err != nil || again != id {
		t.Errorf("%q, %v", again, err)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), values); err != nil || found.Liveness != providers.Refused {
		t.Errorf("the old key: %+v, %v", found, err)
	}
	made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1_production")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), made.Values); err != nil || found.Liveness != providers.Alive {
		t.Errorf("%+v, %v", found, err)
	}
	if err := forcer.EndNow(t.Context(), providers.ID(w.staging.ID)); err != nil { // of the other kind: deleted as ever
		t.Error(err)
	}
}
