package upstash

import (
	"context"

	"rekey/internal/fault"
	"rekey/providers"
)

var _ providers.Continuer = (*Provider)(nil)

// Continue returns the kind of a rotation that is under way. Of a reset the
// token in the vault may be dead already: only the addresses tell the databases.
func (p *Provider) Continue(ctx context.Context, found providers.Traits, current map[string]providers.Values) (providers.Kind, error) {
	if found.Shape != providers.Cutover {
		return p.Survey(ctx, current)
	}
	const op = "going on with a reset at Upstash"
	k := &resets{p: p, inUse: make(map[string]held), shown: make(map[string]wireDatabase), made: make(map[string]own)}
	for _, env := range sorted(current) {
		o, err := p.form.read(current[env])
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		d, known := p.databases[env]
		if !known {
			return nil, fault.New(op, fault.NotFound, "no database of "+env+" is configured")
		}
		k.inUse[env] = held{d: d, own: o}
		if found.Guided {
			continue // nothing but the databases can be asked
		}
		if k.shown[env], err = p.registered(ctx, op, d); err != nil {
			return nil, err
		}
	}
	if found.Guided {
		return &manual{k}, nil
	}
	return &called{k}, nil
}

// Current reads the environment's credentials back, as its database has them
// now.
func (k *called) Current(ctx context.Context, environment string) (providers.Credential, error) {
	const op = "reading the credentials of a database at Upstash back"
	at, surveyed := k.inUse[environment]
	if !surveyed {
		return providers.Credential{}, fault.New(op, fault.NotFound, "no token of "+environment+" was looked at")
	}
	w, err := k.p.registered(ctx, op, at.d)
	if err != nil {
		return providers.Credential{}, err
	}
	if w.bare(k.p.form) {
		return providers.Credential{}, fault.New(op, fault.Garbled, "the account does not show the credentials of "+at.d.name+"; they are in the console, and whether it was reset its audit log says")
	}
	return k.credential(at, w), nil
}
