package providertest

import (
	"slices"
	"testing"
	"time"

	"rekey/internal/secret/secrettest"
	"rekey/internal/trail"
	"rekey/providers"
)

func lastHour() trail.Window {
	to := time.Now().UTC().Truncate(time.Second)
	return trail.Window{From: to.Add(-time.Hour), To: to, Most: 100}
}

// asks reports an auditor that has somebody to ask.
func asks(a providers.Auditor) bool {
	return slices.ContainsFunc(a.Sources(), func(s trail.Source) bool { return s.Blind == "" })
}

// audits holds what an audit says of its sources, and that no trail claims more
// than it has.
func audits(t testing.TB, s Subject) {
	w, kind := open(t, s)
	auditor := capability[providers.Auditor](t, kind)
	sources := auditor.Sources()
	if len(sources) == 0 {
		t.Fatal("an audit has sources, if only some that nobody can ask")
	}
	for _, src := range sources {
		if src.Name == "" || src.Tells == "" && src.Blind == "" {
			t.Errorf("source %q does not say what it tells", src.Name)
		}
	}
	over := lastHour()
	trails, err := auditor.Uses(t.Context(), anyID(t, w, kind), over)
	if err != nil {
		t.Fatalf("auditing in a healthy world: %v", err)
	}
	honest(t, sources, trails, over)
	secrettest.NoLeak(t, w.Secrets(), sources, trails)
	trails, err = auditor.Uses(t.Context(), "", over)
	classified(t, "auditing no id", err)
	if len(trails) != 0 {
		t.Error("trails of no id")
	}
}

func honest(t testing.TB, sources []trail.Source, trails []trail.Trail, over trail.Window) {
	t.Helper()
	if len(trails) != len(sources) {
		t.Fatalf("%d trails of %d sources", len(trails), len(sources))
	}
	for i, tr := range trails {
		blind := sources[i].Blind != ""
		switch {
		case tr.Source != sources[i].Name:
			t.Errorf("trail %d is of %q, the source is %q", i, tr.Source, sources[i].Name)
		case blind && (tr.Completeness != trail.Unavailable || len(tr.Uses) > 0):
			t.Errorf("nobody can ask %q, and its trail is %s with %d uses", tr.Source, tr.Completeness, len(tr.Uses))
		case tr.Completeness != trail.Complete && tr.Why == "":
			t.Errorf("%q is %s, and nothing says why", tr.Source, tr.Completeness)
		case tr.Completeness != trail.Complete && tr.Completeness != trail.Partial && tr.Completeness != trail.Unavailable:
			t.Errorf("%q is %q", tr.Source, tr.Completeness)
		}
		for _, u := range tr.Uses {
			if u.Last.Before(over.From) || !u.First.Before(over.To) || u.Last.Before(u.First) || u.Count < 0 {
				t.Errorf("%q has a use from %s to %s", tr.Source, u.First, u.Last)
			}
		}
	}
}
