package supabase

import (
	"context"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/providers"
)

// Survives implements [providers.Survivor]: a secret key may do everything in its
// project, so that its successor takes nothing from it. One takes the place of a
// legacy key as well; the public one that ends with that is people's to replace.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == (&secretKey{p: p}).Traits().Kind
}

// Survive implements [providers.Survivor].
func (p *Provider) Survive(ctx context.Context, _ providers.Traits, known map[string]providers.Credential, _ providers.Model) (providers.Kind, error) {
	const op = "going on without the old key of Supabase"
	k := &secretKey{p: p, named: make(map[string]string)}
	for _, env := range slices.Sorted(maps.Keys(known)) {
		v, err := p.read(known[env].Values)
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		ref, there := p.config.Projects[env]
		if !there {
			return nil, fault.New(op, fault.NotFound, "no project is configured for "+env)
		}
		k.held = append(k.held, holding{env: env, ref: ref, id: string(known[env].ID), value: v})
	}
	_, err := k.refresh(ctx)
	return k, err
}
