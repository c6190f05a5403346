package mem0_test

import (
	"strings"
	"testing"
	"time"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// TestSurviveOnThePlatform: keys that were deleted are unknown to a survey, and
// people are led to successors in the same projects by what was kept, which holds
// nothing secret.
func TestSurviveOnThePlatform(t *testing.T) {
	w := newPlatform(t)
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
	w.staging.revoked, w.production.revoked = true, true
	p := w.provider(t)
	if !p.Survives(found.Traits()) {
		t.Error("it does not survive")
	}
	if _, err := p.Survey(t.Context(), w.current()); err == nil {
		t.Fatal("a survey knows keys that were deleted")
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
	}
	asked := time.Now().Add(-time.Hour)
	e := providers.Errand{Environment: "production", Label: "rk_1", Asked: asked, Seen: asked}
	wrong, err := kind.(providers.Guide).Inspect(t.Context(), e, w.make("rk_1", in(stagingProject)).values())
	if err != nil || !strings.Contains(wrong.Wrong, productionProject) {
		t.Errorf("a key of another project: %+v, %v", wrong, err)
	}
	made, err := kind.(providers.Guide).Inspect(t.Context(), e, w.make("rk_1", in(productionProject)).values())
	if err != nil || made.Wrong != "" || made.Wait {
		t.Errorf("%+v, %v", made, err)
	}
	for name, model := range map[string]string{"none": "", "another form": `{"v":2}`, "another environment": `{"v":1,"places":{"other":{}}}`} {
		if _, err := p.Survive(t.Context(), found.Traits(), known, providers.Model(model)); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
}
