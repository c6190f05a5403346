package upstash_test

import (
	"testing"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// TestSurvive: users that were deleted are unknown to a survey, and get successors
// with the same rules by what was kept of them, which holds nothing secret.
func TestSurvive(t *testing.T) {
	w := newWorld(t)
	found := w.kind(t, w.asUsers())
	model, err := found.(providers.Modelled).Model()
	if err != nil {
		t.Fatal(err)
	}
	secrettest.NoLeak(t, w.issued(), string(model))
	current, known := w.asUsers(), make(map[string]providers.Credential)
	for env, values := range current {
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
	if !p.Survives(found.Traits()) || p.Survives(w.kind(t, w.asDefault()).Traits()) {
		t.Error("it survives a database's own token, or not its users")
	}
	if _, err := p.Survey(t.Context(), current); err == nil {
		t.Fatal("a survey knows users that were deleted")
	}
	kind, err := p.Survive(t.Context(), found.Traits(), known, model)
	if err != nil || kind.Traits().Kind != found.Traits().Kind {
		t.Fatalf("%v", err)
	}
	for env, c := range known {
		if id, err := kind.Identify(c.Values); err != nil || id != c.ID {
			t.Errorf("%s holds %q: %v", env, id, err)
		}
		if found := probe(t, kind, c.Values); found.Liveness != providers.Refused {
			t.Errorf("the old user of %s: %+v", env, found)
		}
		made := issue(t, kind, env)
		if found := probe(t, kind, made.Values); found.Liveness != providers.Alive {
			t.Errorf("the new user of %s: %+v", env, found)
		}
		known[env] = made
	}
	// A restart after the writes: what the environments hold is new.
	if kind, err = p.Survive(t.Context(), found.Traits(), known, model); err != nil {
		t.Fatal(err)
	}
	for env, c := range known {
		if id, err := kind.Identify(c.Values); err != nil || id != c.ID {
			t.Errorf("%s holds %q after a restart: %v", env, id, err)
		}
	}
}

// TestSurviveNeedsTheModel: without what was kept nothing is made, and a model
// with a password in it is none.
func TestSurviveNeedsTheModel(t *testing.T) {
	w := newWorld(t)
	found := w.kind(t, w.asUsers())
	values := w.asUsers()["production"]
	id, err := found.Identify(values)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]providers.Credential{"production": {ID: id, Values: values}}
	for name, model := range map[string]string{
		"none": "", "no JSON": "{", "another form": `{"v":2}`, "another environment": `{"v":1,"users":{"staging":{}}}`,
		"no rules":         `{"v":1,"users":{"production":{"database":"shop-production","name":"app"}}}`,
		"a password":       `{"v":1,"users":{"production":{"database":"shop-production","name":"app","rules":["~*",">hello"]}}}`,
		"another database": `{"v":1,"users":{"production":{"database":"shop","name":"app","rules":["~*"]}}}`,
	} {
		if _, err := w.provider(t).Survive(t.Context(), found.Traits(), known, providers.Model(model)); err == nil {
			t.Errorf("%s: it goes on", name)
		}
	}
}
