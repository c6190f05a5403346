package anthropic_test

import (
	"strings"
	"testing"
	"time"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/anthropic"
)

// TestSurvive: keys that were archived are unknown to a survey, and people are
// led to successors like them by what was kept, which holds nothing secret.
func TestSurvive(t *testing.T) {
	w := newWorld(t)
	found := w.kind(t)
	model, err := found.(providers.Modelled).Model()
	if err != nil {
		t.Fatal(err)
	}
	secrettest.NoLeak(t, w.issued(), string(model))
	if strings.Contains(string(model), w.production.Hint) {
		t.Error("the model holds a hint")
	}
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
		t.Fatal("a survey knows keys that were archived")
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
	asked := providers.Errand{Environment: "production", Label: "rk_test_production_r1_1", Asked: time.Now(), Seen: time.Now()}
	before, err := found.(providers.Guide).Guide(asked)
	if err != nil {
		t.Fatal(err)
	}
	after, err := kind.(providers.Guide).Guide(asked)
	if err != nil || strings.Join(after.Steps, " ") != strings.Join(before.Steps, " ") {
		t.Errorf("people are asked for %v, %v; before it was %v", after, err, before)
	}
	inspect := func(v providers.Values) providers.Inspection {
		t.Helper()
		in, err := kind.(providers.Guide).Inspect(t.Context(), asked, v)
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	if in := inspect(known["production"].Values); !strings.Contains(in.Wrong, "archived") {
		t.Errorf("the dead key is pasted: %+v", in)
	}
	if in := inspect(w.make(asked.Label, stagingSpace).values()); !strings.Contains(in.Wrong, "belongs to workspace") {
		t.Errorf("a key of another workspace: %+v", in)
	}
	right := w.make(asked.Label, productionSpace)
	in := inspect(right.values())
	if in.Wrong != "" || string(in.Credential.ID) != right.ID {
		t.Fatalf("%+v", in)
	}
	known["production"] = in.Credential // a restart after the write
	if kind, err = p.Survive(t.Context(), found.Traits(), known, model); err != nil {
		t.Fatal(err)
	}
	if id, err := kind.Identify(right.values()); err != nil || string(id) != right.ID {
		t.Errorf("%q, %v", id, err)
	}
}

// TestSurviveNeedsTheModel: without what was kept nobody is asked for anything.
func TestSurviveNeedsTheModel(t *testing.T) {
	w := newWorld(t)
	traits := w.kind(t).Traits()
	known := map[string]providers.Credential{"production": {Values: w.production.values()}}
	for name, model := range map[string]string{
		"none": "", "no JSON": "{", "another form": `{"v":2}`, "another environment": `{"v":1,"keys":{"staging":{}}}`,
	} {
		if _, err := w.provider(t).Survive(t.Context(), traits, known, providers.Model(model)); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
	other := func(c *anthropic.Config) { c.Workspaces = map[string]string{"production": stagingSpace} }
	whole := `{"v":1,"keys":{"production":{"id":"` + w.production.ID + `","workspace":"` + productionSpace + `"}}}`
	if _, err := w.provider(t, other).Survive(t.Context(), traits, known, providers.Model(whole)); err == nil {
		t.Error("it goes on in another workspace than the configuration names")
	}
}
