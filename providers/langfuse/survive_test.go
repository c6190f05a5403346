package langfuse_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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
}

// TestSurviveByHand: where people make the pairs they are told which permissions
// to give, in the project that was kept, with a list and without one.
func TestSurviveByHand(t *testing.T) {
	for name, plan := range map[string]bool{"restricted": true, "a plan without the API": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.plan = plan
			found := w.kind(t, byHand)
			model, err := found.(providers.Modelled).Model()
			if err != nil || found.Traits().Remember == "" {
				t.Fatalf("%+v, %v", found.Traits(), err)
			}
			secrettest.NoLeak(t, w.issued(), string(model))
			id, err := found.Identify(w.production.values())
			if err != nil {
				t.Fatal(err)
			}
			if guide, ok := found.(providers.EndGuide); ok {
				told, err := guide.GuideEnd("production", id)
				if all := strings.Join(told.Steps, "\n"); err != nil || !strings.Contains(all, "Note its permissions") {
					t.Errorf("%s, %v", all, err)
				}
			}
			w.remove(httptest.NewRecorder(), productionProject, w.production.ID)
			known := map[string]providers.Credential{"production": {ID: id, Values: w.production.values()}}
			p := w.provider(t, byHand)
			if !p.Survives(found.Traits()) {
				t.Error("it does not survive")
			}
			kind, err := p.Survive(t.Context(), found.Traits(), known, model)
			if err != nil || kind.Traits().Kind != found.Traits().Kind {
				t.Fatalf("%v", err)
			}
			if found, err := kind.(providers.Prober).Probe(t.Context(), w.production.values()); err != nil || found.Liveness != providers.Refused {
				t.Errorf("the old pair: %+v, %v", found, err)
			}
			w.followed(t, kind, id)
		})
	}
}

// followed has a person make the next pair of production as the guide says.
func (w world) followed(t *testing.T, kind providers.Kind, old providers.ID) {
	t.Helper()
	guide := kind.(providers.Guide)
	asked := time.Now().Add(-time.Hour)
	e := providers.Errand{Environment: "production", Label: "rk_1", Asked: asked, Seen: asked}
	told, err := guide.Guide(e)
	if all := strings.Join(told.Steps, "\n"); err != nil || !strings.Contains(all, "those that the deleted key `"+string(old)+"` had") || !strings.Contains(told.Console, productionProject) {
		t.Errorf("%s, %v", all, err)
	}
	if wrong, err := guide.Inspect(t.Context(), e, w.make("rk_1", stagingProject).values()); err != nil || wrong.Wrong == "" {
		t.Errorf("a pair of another project: %+v, %v", wrong, err)
	}
	made, err := guide.Inspect(t.Context(), e, w.make("rk_1", productionProject).values())
	if err != nil || made.Wrong != "" || made.Wait {
		t.Errorf("%+v, %v", made, err)
	}
}
