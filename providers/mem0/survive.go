package mem0

import (
	"context"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/providers"
)

// Survives implements [providers.Survivor]: a key of a server of one's own is its
// user's, and any other of that user does the same. Whose project a key of the
// platform is for only the key itself tells.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == (&own{p: p}).Traits().Kind
}

// Survive implements [providers.Survivor].
func (p *Provider) Survive(ctx context.Context, _ providers.Traits, known map[string]providers.Credential, _ providers.Model) (providers.Kind, error) {
	const op = "going on without the old key of Mem0"
	k := &own{p: p, places: make(map[string]*server)}
	for _, env := range slices.Sorted(maps.Keys(known)) {
		v, _, err := p.read(known[env].Values)
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		s, named := p.servers[env]
		if !named {
			return nil, fault.New(op, fault.NotFound, "the configuration names no server for "+env)
		}
		k.places[env] = s
		k.held = append(k.held, holding{string(known[env].ID), v})
	}
	_, err := k.refresh(ctx)
	return k, err
}
