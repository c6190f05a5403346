package rotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// surveyed is what a look without writing found.
type surveyed struct {
	kind   providers.Kind
	traits providers.Traits
	places map[string]Place
	cell   Cell
	steps  []Step
	hash   string
	pauses bool
	also   []string // where else the value lies; told where it does not stop
}

// survey looks at the vault and the service and derives the plan. It writes
// nothing. Its errors are faults that ask a person, or a *PlanError.
func (e *Engine) survey(ctx context.Context, s Subject, why wish) (surveyed, error) {
	if err := ownBranch(s, why); err != nil {
		return surveyed{}, err
	}
	current := make(map[string]providers.Values)
	found := surveyed{places: make(map[string]Place)}
	entries := make(map[string]map[string]deploy.Entry)
	for _, env := range why.environments(s) {
		read, err := s.Vault.Read(ctx, env, s.Variables)
		if err != nil {
			return surveyed{}, fmt.Errorf("surveying %s in %s: %w", s.Name, env, s.paired(env, err))
		}
		entries[env], current[env] = read, valuesOf(read)
	}
	var err error
	if found.kind, err = s.Provider.Survey(ctx, current); err != nil {
		return surveyed{}, fmt.Errorf("surveying %s at %s: %w", s.Name, s.Title, err)
	}
	found.kind = why.kind(found.kind)
	found.traits = found.kind.Traits()
	if found.traits.Shape == providers.DeployFirst {
		if err := s.ready(ctx, found.kind, slices.Sorted(maps.Keys(current))); err != nil {
			return surveyed{}, err
		}
	}
	if found.traits.Guided {
		if err := s.reachable(ctx, why.visited(found.traits.Shape), slices.Sorted(maps.Keys(current))); err != nil {
			return surveyed{}, err
		}
	}
	for env := range current {
		if found.places[env], err = e.place(found, current[env], entries[env]); err != nil {
			return surveyed{}, fmt.Errorf("identifying %s in %s: %w", s.Name, env, err)
		}
	}
	if err := e.compare(ctx, s, found.places); err != nil {
		return surveyed{}, err
	}
	also, err := aliases(ctx, s, found.kind, why, current)
	if err != nil {
		return surveyed{}, err
	}
	for _, a := range also {
		if why.mode != Emergency {
			return surveyed{}, a.stop(s.Name)
		}
		found.also = append(found.also, a.String())
	}
	return found, found.plan(s, why)
}

// valuesOf keeps the values of vault entries by variable.
func valuesOf(entries map[string]deploy.Entry) providers.Values {
	v := make(providers.Values, len(entries))
	for name, entry := range entries {
		v[name] = entry.Value
	}
	return v
}

func (e *Engine) place(found surveyed, values providers.Values, entries map[string]deploy.Entry) (Place, error) {
	id, err := found.kind.Identify(values)
	if err != nil {
		return Place{}, err
	}
	known := Known{ID: id, Fingerprint: e.fingerprint(values)}
	if shows(found.traits) {
		known.Last4 = last4(found.kind, values)
	}
	return Place{Old: known, Before: e.held(entries)}, nil
}

// fingerprint of all values of a credential together, in the order of their
// names.
func (e *Engine) fingerprint(v providers.Values) secret.Fingerprint {
	names := sortedKeys(v)
	var all strings.Builder
	for _, name := range names {
		fmt.Fprintf(&all, "%s=%s\n", name, e.config.Key.Fingerprint(v[name]))
	}
	return secret.Fingerprint(hex.EncodeToString(e.config.Key.Sign("credential", all.String())[:16]))
}

// shows reports that people see the last characters of a value: where its
// service has no public id, and never of what signs tokens.
func shows(t providers.Traits) bool { return !t.PublicID && t.Shape != providers.DeployFirst }

// last4 names a credential without public id; never for signing secrets,
// whose kinds are public by key id.
func last4(kind providers.Kind, v providers.Values) string {
	if t, inside := kind.(providers.Tailer); inside {
		return t.Tail(v)
	}
	for _, name := range sortedKeys(v) {
		if end := v[name].Last4(); end != "" {
			return end
		}
	}
	return ""
}

func (e *Engine) held(entries map[string]deploy.Entry) map[string]Held {
	h := make(map[string]Held, len(entries))
	for name, entry := range entries {
		h[name] = Held{EntryID: entry.ID, Version: entry.Version, Fingerprint: e.config.Key.Fingerprint(entry.Value)}
	}
	return h
}

// compare holds the vault against the declaration: one credential for both
// environments, or one each. Anything else means that it is not known which
// credential is the old one.
func (e *Engine) compare(ctx context.Context, s Subject, places map[string]Place) error {
	prints := make(map[string]secret.Fingerprint)
	for _, env := range environments() {
		if p, looked := places[env]; looked {
			prints[env] = p.Old.Fingerprint
			continue
		}
		// It is not a part of it. What it tells counts: a key that it shares would
		// die under it.
		entries, err := s.Vault.Read(ctx, env, s.Variables)
		switch {
		case err == nil:
			prints[env] = e.fingerprint(valuesOf(entries))
		case env == Staging:
			return nil // an emergency does not wait for staging
		default:
			return fmt.Errorf("looking whether %s has a key of its own: %w", env, err)
		}
	}
	same := prints[Staging] == prints[Production]
	switch {
	case s.Shared && !same:
		return fault.New("comparing environments", fault.Ambiguous,
			s.Name+" is declared shared, but staging and production hold different values")
	case !s.Shared && same:
		return fault.New("comparing environments", fault.Ambiguous,
			s.Name+" is declared per environment, but staging and production hold the same value")
	}
	return nil
}

// aliases looks for the value under other names: a consumer that reads the
// other name would break when the old value dies.
func aliases(ctx context.Context, s Subject, kind providers.Kind, why wish, current map[string]providers.Values) (found []alias, err error) {
	names, ok := s.Vault.(deploy.Names)
	if !ok {
		return nil, nil
	}
	texts := disguised(kind, current)
	for _, env := range why.environments(s) {
		all, err := names.All(ctx, env)
		if err != nil {
			return nil, fmt.Errorf("looking for the value under other names in %s: %w", env, err)
		}
		for _, entry := range all {
			if slices.Contains(s.Variables, entry.Name) || s.Explained[entry.Name] != "" {
				continue
			}
			made := begot(kind, current, entry.Value)
			if made || related(entry.Value, texts) {
				found = append(found, alias{entry.Name, env, made})
			}
		}
	}
	return found, nil
}

// alias is an entry of the vault beside the secret's own that dies with its
// value: it holds the value, or was made with it.
type alias struct {
	entry, env string
	made       bool
}

func (a alias) String() string { return a.entry + " in " + a.env }

// stop is why a routine rotation does not begin.
func (a alias) stop(name string) error {
	if a.made {
		return fault.New("looking for what was made with the value", fault.Ambiguous,
			fmt.Sprintf("%s was signed with %s and dies with it; make another one that does not depend on it, or explain it in the configuration", a, name))
	}
	return fault.New("looking for the value under other names", fault.Ambiguous,
		fmt.Sprintf("%s holds the value of %s or a part of it; add it to the secret's variables or explain it in the configuration", a, name))
}

// begot reports whether a text was made with a current value.
func begot(kind providers.Kind, current map[string]providers.Values, text secret.Value) bool {
	p, can := kind.(providers.Parent)
	if !can {
		return false
	}
	for _, values := range current {
		if p.Begot(values, text) {
			return true
		}
	}
	return false
}

// disguised adds to the current values the texts that carry them otherwise.
func disguised(kind providers.Kind, current map[string]providers.Values) map[string]providers.Values {
	d, can := kind.(providers.Disguiser)
	if !can {
		return current
	}
	all := maps.Clone(current)
	for env, values := range current {
		for i, text := range d.Disguises(values) {
			all[fmt.Sprintf("%s, disguise %d", env, i+1)] = providers.Values{"": text}
		}
	}
	return all
}

// related reports whether a value is, holds or is part of a current one.
func related(v secret.Value, current map[string]providers.Values) bool {
	const telling = 8 // shorter texts are parts of anything
	if v.Len() < telling {
		return false
	}
	for _, values := range current {
		for _, c := range values {
			if c.Len() >= telling && (v.Contains(c) || c.Contains(v)) {
				return true
			}
		}
	}
	return false
}

// plan derives the steps and hashes everything they follow from.
func (f *surveyed) plan(s Subject, why wish) error {
	f.pauses = s.Pause != nil && f.traits.Shape == providers.Cutover && !why.staging
	f.cell = Cell{Mode: why.mode, OnlyStaging: why.staging, Shape: f.traits.Shape, Shared: s.Shared, UndoOfEnd: f.traits.UndoOfEnd, RevokeFirst: why.revokeFirst,
		Lingers: why.mode == Emergency && f.traits.Lingers != ""}
	if err := Executable(f.cell); err != nil {
		return err
	}
	if why.revokeFirst {
		if err := revocable(s, f.traits); err != nil {
			return err
		}
	}
	var err error
	if f.steps, err = PlanFor(f.cell); err != nil {
		return err
	}
	f.hash, err = hashOf(struct {
		Secret  string
		Cell    Cell
		Traits  providers.Traits
		Steps   []Step
		Places  map[string]Place
		AlsoIn  []string
		Explain map[string]string
		Also    []string `json:",omitempty"`
	}{s.Name, f.cell, f.traits, f.steps, f.places, s.AlsoIn, s.Explained, f.also})
	return err
}

// hashOf hashes facts by their JSON form, whose map keys are sorted.
func hashOf(facts any) (string, error) {
	body, err := json.Marshal(facts)
	if err != nil {
		return "", fmt.Errorf("hashing facts: %w", err)
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]), nil
}

// fresh turns a survey into the rotation it would start.
func (f *surveyed) rotation(id string, o Order, now time.Time) *Rotation {
	return &Rotation{
		ID: id, Batch: o.batch, Secret: o.Secret, Requester: o.Requester, Reason: o.Reason, Exposed: o.Exposed, Drill: o.Drill,
		Started: now, Surveyed: now, State: Running, Since: now,
		Cell: f.cell, Traits: f.traits, Plan: f.steps, PlanHash: f.hash, Places: f.places, Pauses: f.pauses, Also: f.also,
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
