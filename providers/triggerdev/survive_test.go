package triggerdev_test

import (
	"testing"
	"time"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// TestSurvive: additional keys that were revoked are unknown to a survey, and
// people are led to successors in the same project by what was kept, which holds
// nothing secret. Root keys end only by making the next ones.
func TestSurvive(t *testing.T) {
	w := newWorld(t, false)
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
	}
	w.staging.until, w.production.until = time.Now().Add(-time.Minute), time.Now().Add(-time.Minute)
	p := w.provider(t)
	if roots := newWorld(t, true); !p.Survives(found.Traits()) || p.Survives(roots.kind(t).Traits()) || p.Survives(roots.kind(t, migrate).Traits()) {
		t.Error("root keys survive, or additional ones do not")
	}
	if _, err := p.Survey(t.Context(), w.current()); err == nil {
		t.Fatal("a survey knows keys that were revoked")
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
			t.Errorf("the old key of %s: %+v, %v", env, found, err)
		}
		asked := time.Now().Add(-time.Hour)
		e := providers.Errand{Environment: env, Label: "rk_1", Asked: asked, Seen: asked}
		made, err := kind.(providers.Guide).Inspect(t.Context(), e, w.of(w.make("rk_1", environments[env]).value))
		if err != nil || made.Wrong != "" || made.Wait {
			t.Errorf("%s: %+v, %v", env, made, err)
		}
	}
	for name, model := range map[string]string{"none": "", "another form": `{"v":2}`, "another environment": `{"v":1,"projects":{"other":"x"}}`} {
		if _, err := p.Survive(t.Context(), found.Traits(), known, providers.Model(model)); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
}
