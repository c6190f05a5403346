package helius_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/helius"
)

// gone is a world whose keys in use were deleted: what was kept of them, and who
// goes on without them.
func gone(t *testing.T, change func(*helius.Config)) (w world, found providers.Kind, p *helius.Provider, known map[string]providers.Credential, model providers.Model) {
	t.Helper()
	w = newWorld(t)
	w.production.sites = []string{"https://shop.example.com"}
	origins := func(c *helius.Config) {
		change(c)
		c.Origins = map[string]string{"production": "https://shop.example.com"}
	}
	found = w.kind(t, origins)
	model, err := found.(providers.Modelled).Model()
	if err != nil {
		t.Fatal(err)
	}
	secrettest.NoLeak(t, w.issued(), string(model))
	known = make(map[string]providers.Credential)
	for env, values := range w.current() {
		id, err := found.Identify(values)
		if err != nil {
			t.Fatal(err)
		}
		known[env] = providers.Credential{ID: id, Values: values}
	}
	w.staging.dead, w.production.dead = true, true
	return w, found, w.provider(t, origins), known, model
}

// TestSurvive: keys that were deleted are unknown to a survey, and get successors
// inside the same addresses, by what was kept of them, which holds nothing secret.
func TestSurvive(t *testing.T) {
	for name, change := range map[string]func(*helius.Config){"by hand": func(*helius.Config) {}, "with the token": signedIn} {
		t.Run(name, func(t *testing.T) {
			w, found, p, known, model := gone(t, change)
			if !p.Survives(found.Traits()) || found.Traits().Remember == "" {
				t.Errorf("it does not survive, or nothing is to be noted: %+v", found.Traits())
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
			made := w.successor(t, kind)
			known["production"] = made
			if v := made.Values[variable]; v.Reveal() == w.at(w.production.ID).Reveal() || !strings.HasSuffix(v.Reveal(), "&commitment=final") {
				t.Error("the new value is not the old address with another key")
			}
			if found, err := kind.(providers.Prober).Probe(t.Context(), made.Values); err != nil || found.Liveness != providers.Alive {
				t.Errorf("the new key: %+v, %v", found, err)
			}
			if _, err = p.Survive(t.Context(), found.Traits(), known, model); err != nil { // a restart after the write
				t.Fatal(err)
			}
		})
	}
}

// successor has the next key of production made, by the portal or by a person.
func (w world) successor(t *testing.T, kind providers.Kind) providers.Credential {
	t.Helper()
	if issuer, ok := kind.(providers.PlacedIssuer); ok {
		made, err := issuer.IssueIn(t.Context(), "production", "rk_1")
		if err != nil {
			t.Fatal(err)
		}
		if at := slices.IndexFunc(w.keys, func(k *fakeKey) bool { return w.at(k.ID).Equal(made.Values[variable]) }); at < 0 || w.keys[at].project != shopProject {
			t.Error("it was made in another project")
		}
		since, err := kind.(providers.Recaller).Recall(t.Context(), "production", nil)
		if err != nil || !slices.ContainsFunc(since, func(c providers.Credential) bool { return c.ID == made.ID }) {
			t.Errorf("a key that was asked for is not found again: %v", err)
		}
		return made
	}
	guide := kind.(providers.Guide)
	asked := time.Now().Add(-time.Hour)
	e := providers.Errand{Environment: "production", Label: "rk_1", Asked: asked, Seen: asked}
	told, err := guide.Guide(e)
	if all := strings.Join(told.Steps, "\n"); err != nil || !strings.Contains(all, "that the deleted key had") || strings.Contains(all, "Delete nothing") {
		t.Errorf("%s, %v", all, err)
	}
	loose := w.make("rk_1", shopProject)
	if found, err := guide.Inspect(t.Context(), e, w.values(loose)); err != nil || !strings.Contains(found.Wrong, "the deleted one did not") {
		t.Errorf("a key without the rules: %+v, %v", found, err)
	}
	kept := w.make("rk_1", shopProject, func(k *fakeKey) { k.sites = w.production.sites })
	found, err := guide.Inspect(t.Context(), e, w.values(kept))
	if err != nil || found.Wrong != "" || found.Wait {
		t.Fatalf("%+v, %v", found, err)
	}
	return found.Credential
}

// TestSurviveNeedsTheModel: without what was kept nothing is made, nor where the
// configuration says otherwise since.
func TestSurviveNeedsTheModel(t *testing.T) {
	_, found, p, known, whole := gone(t, signedIn)
	for name, model := range map[string]string{
		"none": "", "no JSON": "{", "another form": `{"v":2}`, "another environment": `{"v":1,"places":{"other":{}}}`,
		"no project": `{"v":1,"places":{"staging":{},"production":{}}}`,
	} {
		if _, err := p.Survive(t.Context(), found.Traits(), known, providers.Model(model)); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
	w := newWorld(t)
	for name, change := range map[string]func(*helius.Config){
		"no token":        func(*helius.Config) {},
		"another project": func(c *helius.Config) { signedIn(c); c.Projects = map[string]string{"production": testProject} },
	} {
		if _, err := w.provider(t, change).Survive(t.Context(), found.Traits(), known, whole); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
	w.override = func(out http.ResponseWriter, r *http.Request) bool {
		refused := strings.HasPrefix(r.URL.Path, "/v0/")
		if refused {
			answer(out, http.StatusUnauthorized, nil)
		}
		return refused
	}
	if _, err := w.provider(t, signedIn).Survive(t.Context(), found.Traits(), known, whole); err == nil {
		t.Error("it goes on with a token that is refused")
	}
	if p.Survives(w.kind(t, oneKey).Traits()) {
		t.Error("the only key of a plan is ended by the making of the next one")
	}
}
