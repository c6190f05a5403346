package providertest

import (
	"context"
	"testing"

	"rekey/internal/fault"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// signingLife holds a kind whose material Rekey makes itself to its contract:
// made without asking anybody, imported as standby, activated, and both trusted
// until the old one is ended; the way back is open until then.
func signingLife(t testing.TB, s Subject) {
	w, kind := open(t, s)
	importer, activator := capability[providers.Importer](t, kind), capability[providers.Activator](t, kind)
	env := w.errand(s.Label).Environment
	old := w.Current[env]
	oldID, err := kind.Identify(old)
	if err != nil {
		t.Fatal(err)
	}
	c := made(t, importer, s.Label)
	for range 2 {
		if err := importer.Import(t.Context(), env, c.ID, c.Values); err != nil {
			t.Fatalf("importing, which may be done twice: %v", err)
		}
	}
	if n := len(find(t, kind, hasID(c.ID))); n != 1 {
		t.Errorf("what was imported twice is listed %d times", n)
	}
	active(t, activator, env, "after importing", oldID)
	for range 2 {
		if err := activator.Activate(t.Context(), env, c.ID); err != nil {
			t.Fatalf("activating, which may be done twice: %v", err)
		}
	}
	active(t, activator, env, "after activating", c.ID)
	lives(t, "the new one", kind, c.Values, providers.Alive)
	lives(t, "the old one beside it", kind, old, providers.Alive)
	goesBack(t, kind, env, old, c)
	if long, err := activator.Lingers(t.Context(), env); err != nil || long <= 0 {
		t.Errorf("what the old one signed lingers for %s, %v", long, err)
	}
	ender := capability[providers.Ender](t, kind)
	for range 2 {
		if err := ender.End(t.Context(), oldID); err != nil {
			t.Errorf("ending, which may be done twice: %v", err)
		}
	}
	lives(t, "the ended one", kind, old, providers.Refused)
	lives(t, "the new one alone", kind, c.Values, providers.Alive)
	if len(find(t, kind, hasID(oldID))) != 0 {
		t.Error("the ended one is listed among those that can live")
	}
	secrettest.NoLeak(t, w.Secrets(), c, &c, kind)
}

// goesBack holds that the service works with the one before again when it is
// told to, that both stay trusted, and that one which it never worked with can be
// ended, too.
func goesBack(t testing.TB, kind providers.Kind, env string, old providers.Values, c providers.Credential) {
	t.Helper()
	activator, importer := capability[providers.Activator](t, kind), capability[providers.Importer](t, kind)
	oldID, err := kind.Identify(old)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := activator.Activate(t.Context(), env, oldID); err != nil {
			t.Fatalf("going back to the old one, which may be done twice: %v", err)
		}
	}
	active(t, activator, env, "after going back", oldID)
	lives(t, "the new one beside it", kind, c.Values, providers.Alive)
	lives(t, "the old one", kind, old, providers.Alive)
	if err := activator.Activate(t.Context(), env, c.ID); err != nil {
		t.Fatalf("activating again: %v", err)
	}
	unused := made(t, importer, c.Label+"c")
	if err := importer.Import(t.Context(), env, unused.ID, unused.Values); err != nil {
		t.Fatalf("importing another one: %v", err)
	}
	for range 2 {
		if err := capability[providers.Ender](t, kind).End(t.Context(), unused.ID); err != nil {
			t.Fatalf("ending one that never was activated, which may be done twice: %v", err)
		}
	}
	if len(find(t, kind, hasID(unused.ID))) != 0 {
		t.Error("what never was activated and was ended is listed among those that can live")
	}
}

// made holds that the same label gives the same id, and never the same values,
// and that what is minted with them shows nothing.
func made(t testing.TB, importer providers.Importer, label string) providers.Credential {
	t.Helper()
	first, err := importer.Make(label)
	if err != nil {
		t.Fatal(err)
	}
	second, err := importer.Make(label)
	other, err2 := importer.Make(label + "b")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if first.ID == "" || first.ID != second.ID || first.ID == other.ID || first.Label != label {
		t.Errorf("made %q and %q for one label, %q for another", first.ID, second.ID, other.ID)
	}
	for name, v := range second.Values {
		if v.IsZero() || v.Equal(first.Values[name]) {
			t.Errorf("%s was made empty, or twice alike", name)
		}
	}
	token, err := capability[providers.Minter](t, importer.(providers.Kind)).Mint(second.ID, second.Values)
	if err != nil || token.IsZero() {
		t.Errorf("minting: %v", err)
	}
	return second
}

func active(t testing.TB, a providers.Activator, env, when string, want providers.ID) {
	t.Helper()
	if got, err := a.Active(t.Context(), env); err != nil || got != want {
		t.Errorf("%s the service works with %q, %v; want %q", when, got, err, want)
	}
}

// signingOps are the calls of such a kind.
func signingOps(s Subject, w World, kind providers.Kind, id providers.ID) []op {
	i, makes := kind.(providers.Importer)
	a, activates := kind.(providers.Activator)
	if !makes || !activates {
		return nil
	}
	env := w.errand(s.Label).Environment
	return []op{
		{name: "Import", writes: true, call: func(ctx context.Context) (any, error) {
			c, err := i.Make(s.Label)
			if err != nil {
				return nil, err
			}
			return nil, i.Import(ctx, env, c.ID, c.Values)
		}},
		{name: "Active", call: func(ctx context.Context) (any, error) { return a.Active(ctx, env) }},
		{name: "Lingers", call: func(ctx context.Context) (any, error) { return a.Lingers(ctx, env) }},
		{name: "Activate", writes: true, call: func(ctx context.Context) (any, error) { return nil, a.Activate(ctx, env, id) }},
	}
}

// lostImport: the answer to an import is lost, and the id tells what became
// of it.
func lostImport(t testing.TB, s Subject) {
	w, kind := open(t, s)
	importer := capability[providers.Importer](t, kind)
	env := w.errand(s.Label).Environment
	c := made(t, importer, s.Label)
	_, _, err := under(t, w, lostToWrites, func(ctx context.Context) (any, error) { return nil, importer.Import(ctx, env, c.ID, c.Values) })
	if f := classified(t, "importing", err); f.Class != fault.Lost {
		t.Errorf("importing: class %s, want lost (%v)", f.Class, err)
	}
	if err := importer.Import(t.Context(), env, c.ID, c.Values); err != nil {
		t.Errorf("importing again: %v", err)
	}
	if n := len(find(t, kind, hasID(c.ID))); n != 1 {
		t.Errorf("it is listed %d times", n)
	}
}
