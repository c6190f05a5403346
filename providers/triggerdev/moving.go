package triggerdev

import (
	"context"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/providers"
)

// moving is the kind of an application that leaves root keys: people make
// additional keys, and the root key is regenerated once, when nobody uses it any
// more. It dies a day after.
type moving struct{ byHand }

var (
	_ providers.Kind   = (*moving)(nil)
	_ providers.Guide  = (*moving)(nil)
	_ providers.Lister = (*moving)(nil)
	_ providers.Prober = (*moving)(nil)
	_ providers.Ender  = (*moving)(nil)
)

const movingKind = "Trigger.dev root key, on the way to additional keys"

// Traits of a root key that is left.
func (k *moving) Traits() providers.Traits {
	t := k.traits()
	t.Kind, t.Guided, t.Moves = movingKind, true, true
	t.EndIs = "replaced at Trigger.dev, once, by a root key that nobody uses; it lives for a day more and dies by itself"
	t.Lingers = "Until then its holder can use it, and may have read with it the root key that took its place: pause the environment in Trigger.dev's dashboard, or ask its support to end both, because Rekey can do neither"
	t.Drain = k.drain(outlives)
	t.Waits.ProbeFirst = t.Waits.Grace + t.Waits.ProbeAfter
	return t
}

// Identify names a key of either kind: the vault holds one and then the other.
func (k *moving) Identify(values providers.Values) (providers.ID, error) {
	return k.identify(values, func(key) bool { return true })
}

// List returns the present root keys. Additional keys are listed nowhere.
func (k *moving) List(ctx context.Context) ([]providers.Credential, error) {
	const op = "reading the root keys at Trigger.dev"
	var all []providers.Credential
	for _, at := range k.all() {
		now, err := k.p.root(ctx, op, at)
		if err != nil {
			return nil, err
		}
		all = append(all, providers.Credential{ID: k.p.name(now.value)})
	}
	return all, nil
}

// End regenerates the root key with this id, if it still is an environment's
// present one. Otherwise that was done: doing it again would put another key on
// the clock.
func (k *moving) End(ctx context.Context, id providers.ID) error {
	const op = "regenerating a root key at Trigger.dev"
	if id == "" {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "no key was named"}
	}
	for _, at := range k.all() {
		now, err := k.p.root(ctx, op, at)
		if err != nil {
			return err
		}
		if k.p.name(now.value) == id {
			_, err := k.p.regenerate(ctx, op, at)
			return err
		}
	}
	return nil
}

// Continue goes on with the kind of a rotation under way, whatever the
// environments hold by now: root keys that were replaced, or additional ones.
func (p *Provider) Continue(ctx context.Context, found providers.Traits, current map[string]providers.Values) (providers.Kind, error) {
	k := p.keys()
	for _, env := range slices.Sorted(maps.Keys(current)) {
		own, err := p.belonging(env, current[env])
		if err != nil {
			return nil, err
		}
		k.inUse[env] = own
	}
	switch found.Kind {
	case rootKind:
		return &root{k}, nil
	case movingKind:
		return &moving{byHand{k}}, nil
	default:
		return p.Survey(ctx, current)
	}
}
