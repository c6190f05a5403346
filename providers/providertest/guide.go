package providertest

import (
	"strings"
	"testing"
	"time"

	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// errand is one for the first environment of the world, a minute old.
func (w World) errand(label string) providers.Errand {
	asked := time.Now().Add(-time.Minute)
	e := providers.Errand{Label: label, Asked: asked, Seen: asked}
	for env := range w.Current {
		if e.Environment == "" || env < e.Environment {
			e.Environment = env
		}
	}
	return e
}

// inspected holds that a guide names everything a person needs, and that what
// is not the credential asked for is told in one sentence and never taken.
func inspected(t testing.TB, s Subject) {
	w, kind := open(t, s)
	guide := capability[providers.Guide](t, kind)
	e := w.errand(s.Label)
	told, err := guide.Guide(e)
	named := !kills(kind.Traits().Shape) // the only key of an account need not have a name
	if err != nil || told.Console == "" || named && !strings.Contains(strings.Join(told.Steps, "\n"), e.Label) {
		t.Errorf("the guide names no console or not the label: %+v, %v", told, err)
	}
	secrettest.NoLeak(t, w.Secrets(), told)
	wrong := map[string]providers.Values{"unknown": w.Unknown}
	if named && has[providers.Lister](kind) && !kind.Traits().Moves { // nothing else tells a name
		wrong["made under another name"] = w.ByHand(e.Environment, s.Label+"x")
	}
	for env, values := range w.Current {
		wrong["in use in "+env] = values
	}
	for _, values := range w.Malformed {
		wrong["malformed"] = values
	}
	e.Seen = e.Asked.Add(-24 * time.Hour) // whatever may come late has come
	for what, values := range wrong {
		found, err := guide.Inspect(t.Context(), e, values)
		if err != nil || found.Wrong == "" || found.Credential.ID != "" {
			t.Errorf("%s: found %+v, %v; want a sentence", what, found, err)
		}
		if strings.Count(found.Wrong, "\n") > 0 {
			t.Errorf("%s: it is no sentence: %q", what, found.Wrong)
		}
		secrettest.NoLeak(t, w.Secrets(), found, err)
	}
	made := w.ByHand(e.Environment, s.Label)
	found, err := guide.Inspect(t.Context(), e, made)
	if err != nil || found.Wrong != "" || found.Wait {
		t.Fatalf("the key that was asked for: %+v, %v", found, err)
	}
	belongs(t, kind, found.Credential, s.Label)
	secrettest.NoLeak(t, w.Secrets(), found)
}
