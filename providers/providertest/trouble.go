package providertest

import (
	"context"
	"slices"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
)

// op is one method of the contract, ready to be called.
type op struct {
	name   string
	writes bool
	ends   bool // 404 may mean that it is done already
	call   func(ctx context.Context) (any, error)
}

// ops returns every method the kind has but Probe, whose answers are findings.
func ops(t testing.TB, s Subject, w World, kind providers.Kind) []op {
	t.Helper()
	all := []op{{name: "Survey", call: func(ctx context.Context) (any, error) { return w.Provider.Survey(ctx, w.Current) }}}
	id := anyID(t, w, kind)
	if issue := w.issuer(kind); issue != nil {
		all = append(all, op{name: "Issue", writes: true, call: func(ctx context.Context) (any, error) { return issue(ctx, s.Label) }})
	}
	all = append(all, signingOps(s, w, kind, id)...)
	if g, ok := kind.(providers.Guide); ok {
		e := w.errand(s.Label)
		values := w.Current[e.Environment]
		all = append(all, op{name: "Inspect", call: func(ctx context.Context) (any, error) { return g.Inspect(ctx, e, values) }})
	}
	if c, ok := kind.(providers.Current); ok {
		env := w.errand(s.Label).Environment
		all = append(all, op{name: "Current", call: func(ctx context.Context) (any, error) { return c.Current(ctx, env) }})
	}
	if l, ok := kind.(providers.Lister); ok {
		all = append(all, op{name: "List", call: func(ctx context.Context) (any, error) { return l.List(ctx) }})
	}
	if u, ok := kind.(providers.Usage); ok {
		all = append(all, op{name: "LastUsed", call: func(ctx context.Context) (any, error) {
			return u.LastUsed(ctx, id, time.Now().Add(-time.Hour))
		}})
	}
	if a, ok := kind.(providers.Auditor); ok && asks(a) {
		all = append(all, op{name: "Uses", call: func(ctx context.Context) (any, error) { return a.Uses(ctx, id, lastHour()) }})
	}
	if d, ok := kind.(providers.Disabler); ok {
		all = append(all,
			op{name: "Disable", writes: true, call: func(ctx context.Context) (any, error) { return nil, d.Disable(ctx, id) }},
			op{name: "Enable", writes: true, call: func(ctx context.Context) (any, error) { return nil, d.Enable(ctx, id) }})
	}
	if e, ok := kind.(providers.Ender); ok {
		all = append(all, op{name: "End", writes: true, ends: true, call: func(ctx context.Context) (any, error) { return nil, e.End(ctx, id) }})
	}
	return all
}

func anyID(t testing.TB, w World, kind providers.Kind) providers.ID {
	t.Helper()
	for _, values := range w.Current {
		id, err := kind.Identify(values)
		if err != nil {
			t.Fatalf("identifying a current credential: %v", err)
		}
		return id
	}
	t.Fatal("the world has no current credential")
	return ""
}

// under calls with a fault in place and heals the service afterwards. Where
// the service does not answer, the caller's time runs out as soon as the
// request hangs: no test waits.
func under(t testing.TB, w World, f Fault, call func(context.Context) (any, error)) (out any, writes int, err error) {
	t.Helper()
	w.Faults.Set(&f)
	defer w.Faults.Set(nil)
	ctx := t.Context()
	if f.hangs {
		ctx = expiring{ctx, w.Faults.hanging()}
	}
	out, err = call(ctx)
	return out, w.Faults.spoiledWrites(), err
}

func faults(t testing.TB, s Subject) {
	w, kind := open(t, s)
	before := census(t, kind)
	for _, o := range ops(t, s, w, kind) {
		for _, f := range Usual() {
			what := o.name + " with " + f.Name
			out, writes, err := under(t, w, f, o.call)
			if err == nil && o.ends && f.Name == "status 404" {
				continue // gone is what was wanted
			}
			want := f.Read
			if o.writes && writes > 0 {
				want = f.Write
			}
			got := classified(t, what, err)
			if got.Class != want {
				t.Errorf("%s: class %s, want %s (%v)", what, got.Class, want, err)
			}
			if f.Refuses && got.Detail == "" {
				t.Errorf("%s: whose credential was refused, and what it needs, nobody can tell from %v", what, err)
			}
			if writes > 1 || (!o.writes && writes > 0) {
				t.Errorf("%s: %d writes were sent", what, writes)
			}
			secrettest.NoLeak(t, w.Secrets(), err, out)
		}
	}
	if !has[providers.Lister](kind) {
		return
	}
	if made := find(t, kind, func(c providers.Credential) bool { return !slices.Contains(before, c.ID) }); len(made) != 0 {
		t.Errorf("%d credentials were made behind the faults", len(made))
	}
}

// census is what a service lists; nothing where it does not.
func census(t testing.TB, kind providers.Kind) []providers.ID {
	t.Helper()
	if !has[providers.Lister](kind) {
		return nil
	}
	var all []providers.ID
	for _, c := range find(t, kind, everything) {
		all = append(all, c.ID)
	}
	return all
}

// orphaned holds that what a lost creation left is told by comparison, with its
// values.
func orphaned(t testing.TB, s Subject, w World, kind providers.Kind, before []providers.ID) {
	t.Helper()
	made, err := capability[providers.Recaller](t, kind).Recall(t.Context(), w.errand(s.Label).Environment, before)
	if err != nil || len(made) != 1 {
		t.Fatalf("recalled %d credentials, %v; want the orphan", len(made), err)
	}
	belongs(t, kind, made[0], s.Label)
	lives(t, "the orphan", kind, made[0].Values, providers.Alive)
	secrettest.NoLeak(t, w.Secrets(), made)
}

func probeFaults(t testing.TB, s Subject) {
	w, kind := open(t, s)
	prober := capability[providers.Prober](t, kind)
	for _, f := range Usual() {
		for env, values := range w.Current {
			out, _, err := under(t, w, f, func(ctx context.Context) (any, error) { return prober.Probe(ctx, values) })
			found, _ := out.(providers.Finding)
			switch {
			case err != nil:
				classified(t, "probing with "+f.Name, err)
			case found.Liveness == providers.Unclear, found.Liveness == providers.Refused && f.Refuses:
			default:
				t.Errorf("probing %s with %s found %+v", env, f.Name, found)
			}
			secrettest.NoLeak(t, w.Secrets(), err, found)
		}
	}
}

func lostIssue(t testing.TB, s Subject) {
	w, kind := open(t, s)
	create := w.issuer(kind)
	if create == nil {
		t.Skipf("%T has no way to issue", kind)
	}
	before := census(t, kind)
	out, writes, err := under(t, w, lostToWrites, func(ctx context.Context) (any, error) { return create(ctx, s.Label) })
	if f := classified(t, "issuing", err); f.Class != fault.Lost {
		t.Errorf("issuing: class %s, want lost (%v)", f.Class, err)
	}
	secrettest.NoLeak(t, w.Secrets(), err, out)
	if writes != 1 {
		t.Errorf("creating was sent %d times: each makes a live credential", writes)
	}
	if c, ok := kind.(providers.Current); ok {
		readBack(t, w, kind, c)
	}
	if !has[providers.Lister](kind) {
		return
	}
	if has[providers.Recaller](kind) {
		orphaned(t, s, w, kind, before)
		return
	}
	orphans := find(t, kind, hasLabel(s.Label))
	if len(orphans) != 1 {
		t.Fatalf("the list shows %d credentials with the label, want the orphan", len(orphans))
	}
	if err := capability[providers.Ender](t, kind).End(t.Context(), orphans[0].ID); err != nil {
		t.Errorf("ending the orphan: %v", err)
	}
	belongs(t, kind, issue(t, w, kind, s.Label), s.Label)
}

func lostEnd(t testing.TB, s Subject) {
	w, kind := open(t, s)
	ender := capability[providers.Ender](t, kind)
	id, values := endable(t, w, kind, s.Label)
	_, _, err := under(t, w, lostToWrites, func(ctx context.Context) (any, error) { return nil, ender.End(ctx, id) })
	// An adapter may find out by itself that the end arrived.
	if err != nil && classified(t, "ending", err).Class != fault.Lost {
		t.Errorf("ending: %v, want lost", err)
	}
	if err := ender.End(t.Context(), id); err != nil {
		t.Errorf("ending again: %v", err)
	}
	lives(t, "the ended one", kind, values, providers.Refused)
}

func cancelled(t testing.TB, s Subject) {
	w, kind := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, o := range ops(t, s, w, kind) {
		out, err := o.call(ctx)
		classified(t, o.name, err)
		secrettest.NoLeak(t, w.Secrets(), err, out)
	}
}
