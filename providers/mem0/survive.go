package mem0

import (
	"context"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/providers"
)

// Survives implements [providers.Survivor]: a key of a server of one's own is its
// user's, and any other of that user does the same. For which project a key of
// the platform is only the key itself tells, and the model has it.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == (&own{p: p}).Traits().Kind || found.Kind == (&hosted{p: p}).Traits().Kind
}

const opSurvive = "going on without the old key of Mem0"

// Survive implements [providers.Survivor].
func (p *Provider) Survive(ctx context.Context, found providers.Traits, known map[string]providers.Credential, stored providers.Model) (providers.Kind, error) {
	if found.Kind == (&hosted{p: p}).Traits().Kind {
		return p.surviving(known, stored)
	}
	k := &own{p: p, places: make(map[string]*server)}
	for _, env := range slices.Sorted(maps.Keys(known)) {
		v, _, err := p.read(known[env].Values)
		if err != nil {
			return nil, fault.New(opSurvive, fault.Ambiguous, env+": "+err.Error())
		}
		s, named := p.servers[env]
		if !named {
			return nil, fault.New(opSurvive, fault.NotFound, "the configuration names no server for "+env)
		}
		k.places[env] = s
		k.held = append(k.held, holding{string(known[env].ID), v})
	}
	_, err := k.refresh(ctx)
	return k, err
}
