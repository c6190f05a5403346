package rotation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// deployFirst reports the shape in which the application accepts two values,
// and the service begins to work with the new one afterwards.
func (r *Rotation) deployFirst() bool { return r.Cell.Shape == providers.DeployFirst }

// onKeys does what only plans of that shape have.
func (w *run) onKeys(ctx context.Context, s Step) (outcome, error) {
	switch s.Act {
	case Make:
		return w.make(ctx, s.Environment)
	case Import:
		return w.importKey(ctx, s.Environment)
	case Activate:
		return w.activate(ctx, s.Environment)
	default:
		return w.retire(ctx, s.Environment)
	}
}

// ready holds that a plan of this shape can be run here: the application has
// a variable for the value before and tells which tokens it lets in, and
// nothing is left at the service from before.
func (s Subject) ready(ctx context.Context, kind providers.Kind, places []string) error {
	op := "looking at " + s.Name + " before the first change"
	if s.Previous == "" || !slices.Contains(s.Variables, s.Previous) {
		return fault.New(op, fault.Unsupported, "the application has no variable for the value before, so it could not accept two at a time")
	}
	for _, env := range places {
		if s.Stages[env].Gate == nil {
			return fault.New(op, fault.Unsupported, "no address is configured at which the application in "+env+" lets in who bears a token")
		}
	}
	if c, knows := kind.(providers.Clearer); knows {
		return c.Clear(ctx)
	}
	return nil
}

// paired says which variables there must be, where one is missing.
func (s Subject) paired(env string, err error) error {
	if s.Previous == "" || !fault.Is(err, fault.NotFound) {
		return err
	}
	return fault.New("reading "+s.Name+" in "+env, fault.NotFound,
		s.signs()+" and "+s.Previous+" must both be there, with the same value in the beginning, and the application accept what either signs")
}

// make generates the new value and writes it to an environment, together with
// the old one as the value before. The service hears of it only after that: a
// value that got lost on the way to the vault never was of any use. Entered
// again it knows its own write by its fingerprint.
func (w *run) make(ctx context.Context, env string) (outcome, error) {
	entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
	if err != nil {
		return outcome{}, err
	}
	place, now := w.r.Places[env], w.e.held(entries)
	switch {
	case place.New.ID != "" && later(now, place.Before) && w.e.fingerprint(valuesOf(entries)) == place.New.Fingerprint:
		w.wrote(env, entries, place.New)
		return w.ready(env), nil
	case !moved(now, place.Before):
		return outcome{}, fault.New("looking at "+env+" before making a new value", fault.ChangedByOther, "the vault holds a value that neither was there before nor is ours")
	case !place.HeldSince.IsZero():
		return lookAgain(heldPoll * w.subject.Pace.DeployPoll)
	case place.New.ID != "":
		return outcome{}, unsettled(env, place.New)
	}
	maps.Copy(place.Before, now)
	made, err := w.material(ctx, valuesOf(entries))
	if err != nil {
		return outcome{}, err
	}
	out, err := w.first(ctx, env, made)
	if err != nil || !out.done {
		return out, err
	}
	return w.ready(env), nil
}

func (w *run) ready(env string) outcome {
	return outcome{done: true, text: fmt.Sprintf("Made %s and wrote it to %s, with the value in use beside it as %s. %s does not know it yet.",
		w.r.Places[env].New.Brief(), env, w.subject.Previous, w.r.Traits.Service)}
}

// material is a new credential with all its variables: the new value, and the
// one in use as the value before.
func (w *run) material(ctx context.Context, current providers.Values) (providers.Credential, error) {
	const op = "making a new value"
	importer, err := capability[providers.Importer](ctx, w, op)
	if err != nil {
		return providers.Credential{}, err
	}
	c, err := importer.Make(w.label())
	if err != nil {
		return providers.Credential{}, err
	}
	name := w.subject.signs()
	w.made = c.Values
	switch value := c.Values[name]; {
	case len(c.Values) != 1 || value.IsZero():
		return providers.Credential{}, fault.New(op, fault.Garbled, "there is no value for "+name+" alone")
	case c.ID == "" || value.Equal(current[name]):
		return providers.Credential{}, fault.New(op, fault.Ambiguous, "it cannot be told from the old one")
	}
	for _, p := range w.r.Places {
		if c.ID == p.Old.ID || c.ID == p.New.ID {
			return providers.Credential{}, fault.New(op, fault.Ambiguous, "its identity is taken")
		}
	}
	c.Values = providers.Values{name: c.Values[name], w.subject.Previous: current[name]}
	c.Made = time.Now()
	return c, nil
}

// signs is the variable that carries the value in use.
func (s Subject) signs() string {
	for _, name := range s.Variables {
		if name != s.Previous {
			return name
		}
	}
	return ""
}

// importKey hands the value that the vault holds to the service, where
// nothing uses it yet.
func (w *run) importKey(ctx context.Context, env string) (outcome, error) {
	entries, err := w.expect(ctx, env, w.r.Places[env].After)
	if err != nil {
		return outcome{}, err
	}
	importer, err := capability[providers.Importer](ctx, w, "handing a key to the service")
	if err != nil {
		return outcome{}, err
	}
	id, name := w.r.Places[env].New.ID, w.subject.signs()
	if err := importer.Import(ctx, env, id, providers.Values{name: entries[name].Value}); err != nil {
		return w.patient(err)
	}
	return finished(fmt.Sprintf("%s has %s for %s as standby: nothing is signed with it yet.", w.r.Traits.Service, w.r.Places[env].New.Brief(), env))
}

// activate makes the service sign with the new key, once the application was
// just proved to accept what either key signs.
func (w *run) activate(ctx context.Context, env string) (outcome, error) {
	a, err := capability[providers.Activator](ctx, w, "activating a key")
	if err != nil {
		return outcome{}, err
	}
	place := w.r.Places[env]
	active, err := a.Active(ctx, env)
	switch {
	case err != nil:
		return outcome{}, err
	case active == place.New.ID:
		return w.activated(env), nil
	case active != place.Old.ID:
		return outcome{}, fault.New("activating a key in "+env, fault.ChangedByOther, w.r.Traits.Service+" signs with "+string(active)+", which is neither the old key nor ours")
	}
	if _, err := w.certify(ctx, env); err != nil {
		return outcome{}, err
	}
	if err := w.either(ctx, env); err != nil {
		return outcome{}, err
	}
	if err := a.Activate(ctx, env, place.New.ID); err != nil {
		return w.patient(err)
	}
	return w.activated(env), nil
}

// activated notes from when on the old key signs nothing, at the latest.
func (w *run) activated(env string) outcome {
	place := w.r.Places[env]
	if place.Activated.IsZero() {
		place.Activated = time.Now()
		w.r.Places[env] = place
	}
	return outcome{done: true, text: fmt.Sprintf("%s signs with %s in %s from now on. What %s signed stays valid: nobody is signed out.",
		w.r.Traits.Service, place.New.Brief(), env, place.Old.Brief())}
}

// token makes what the application lets in from who holds a key.
func (w *run) token(ctx context.Context, k signer) (secret.Value, error) {
	m, err := capability[providers.Minter](ctx, w, "making a token")
	if err != nil {
		return secret.Value{}, err
	}
	return m.Mint(k.id, providers.Values{w.subject.signs(): k.value})
}
