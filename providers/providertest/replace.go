package providertest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// kills reports the shapes in which making a credential ends the old one.
func kills(s providers.Shape) bool { return s == providers.Grace || s == providers.Cutover }

func continuer(w World) providers.Continuer {
	r, _ := w.Provider.(providers.Continuer)
	return r
}

// replaces holds kinds of which issuing kills the old one: it is dead, or lives
// for its grace; the new one is read back where that is possible; and the kind
// is recalled while the vault still holds what is dead.
func replaces(t testing.TB, s Subject) {
	w, kind := open(t, s)
	traits := kind.Traits()
	if !kills(traits.Shape) {
		t.Skip("issuing kills nothing")
	}
	env := w.errand(s.Label).Environment
	old := w.Current[env]
	made := issue(t, w, kind, s.Label)
	lives(t, "the new one", kind, made.Values, providers.Alive)
	want := providers.Refused
	if traits.Shape == providers.Grace {
		want = providers.Alive
	}
	lives(t, "the old one of "+env+" after issuing", kind, old, want)
	if id, err := kind.Identify(old); err != nil || id == made.ID {
		t.Errorf("old and new cannot be told apart: %q, %v", id, err)
	}
	if c, ok := kind.(providers.Current); ok {
		if now, err := c.Current(t.Context(), env); err != nil || now.ID != made.ID || !same(now.Values, made.Values) {
			t.Errorf("read back: %v, %v; want %s with its values", now.ID, err, made.ID)
		}
	}
	recalled(t, w, traits, made)
	secrettest.NoLeak(t, w.Secrets(), made, kind, traits)
}

func same(a, b providers.Values) bool {
	for name, v := range a {
		if !v.Equal(b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}

// recalled holds that a kind comes back by its traits, with the dead values and
// with the new ones in the vault.
func recalled(t testing.TB, w World, traits providers.Traits, made providers.Credential) {
	t.Helper()
	r := continuer(w)
	if r == nil {
		return // that it is missing where it must not be is another check's finding
	}
	env := w.errand("").Environment
	now := map[string]providers.Values{}
	for e, v := range w.Current {
		now[e] = v
	}
	for _, values := range []providers.Values{w.Current[env], made.Values} {
		now[env] = values
		kind, err := r.Continue(t.Context(), traits, now)
		if err != nil {
			t.Errorf("recalling: %v", err)
			continue
		}
		if diff := cmp.Diff(traits, kind.Traits()); diff != "" {
			t.Errorf("recalled with other traits:\n%s", diff)
		}
		if id, err := kind.Identify(made.Values); err != nil || id != made.ID {
			t.Errorf("recalled, it identifies the new one as %q, %v", id, err)
		}
	}
}

// readBack holds that a replacement whose answer was lost is found.
func readBack(t testing.TB, w World, kind providers.Kind, c providers.Current) {
	t.Helper()
	env := w.errand("").Environment
	now, err := c.Current(t.Context(), env)
	if err != nil || same(now.Values, w.Current[env]) {
		t.Errorf("what became of it cannot be read back: %v", err)
		return
	}
	lives(t, "what was read back", kind, now.Values, providers.Alive)
}
