package providertest

import (
	"testing"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// moves holds a kind whose old credentials are of another sort than the ones
// it makes: ending one leaves the new ones alone, and those of other
// environments, and is not done twice. In the world of this check what is ended
// dies at once.
func moves(t testing.TB, w World, kind providers.Kind, made providers.Credential) {
	t.Helper()
	ender := capability[providers.Ender](t, kind)
	ending := w.errand("").Environment
	id, err := kind.Identify(w.Current[ending])
	if err != nil {
		t.Fatalf("identifying what is to be ended: %v", err)
	}
	if err := ender.End(t.Context(), id); err != nil {
		t.Errorf("ending %s: %v", id, err)
	}
	after := len(find(t, kind, everything))
	if err := ender.End(t.Context(), id); err != nil {
		t.Errorf("ending %s, which may be done twice: %v", id, err)
	}
	if again := len(find(t, kind, everything)); again != after || len(find(t, kind, hasID(id))) != 0 {
		t.Errorf("%d credentials after an end, %d after it was done again; or %s is listed still", after, again, id)
	}
	lives(t, "the new one after an end", kind, made.Values, providers.Alive)
	for env, values := range w.Current {
		want := providers.Alive
		if env == ending {
			want = providers.Refused
		}
		lives(t, "the old one of "+env, kind, values, want)
	}
	if err := ender.End(t.Context(), made.ID); err != nil {
		t.Logf("ending what it made: %v", err)
	}
	lives(t, "the new one, which it cannot end", kind, made.Values, providers.Alive)
	recalled(t, w, kind.Traits(), made)
	secrettest.NoLeak(t, w.Secrets(), made, kind)
}

// endable is what an end is about: what the kind makes, or what it moves from.
func endable(t testing.TB, w World, kind providers.Kind, label string) (providers.ID, providers.Values) {
	t.Helper()
	if !kind.Traits().Moves {
		c := issue(t, w, kind, label)
		return c.ID, c.Values
	}
	values := w.Current[w.errand("").Environment]
	id, err := kind.Identify(values)
	if err != nil {
		t.Fatalf("identifying what is to be ended: %v", err)
	}
	return id, values
}
