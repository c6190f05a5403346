package triggerdev

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/providers"
)

// modelVersion is the form of a model that this program writes. It is stored.
const modelVersion = 1

// model is of which projects the successors of additional keys must be, by
// environment. Where in them, the configuration says.
type model struct {
	V        int               `json:"v"`
	Projects map[string]string `json:"projects"`
}

var (
	_ providers.Survivor = (*Provider)(nil)
	_ providers.Modelled = (*additional)(nil)
)

// Model implements [providers.Modelled].
func (k *additional) Model() (providers.Model, error) {
	return json.Marshal(model{V: modelVersion, Projects: maps.Clone(k.projects)})
}

// Survives implements [providers.Survivor]: the project of an additional key is
// in the model. A root key is ended by making the next one.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == (&additional{byHand{p.keys()}}).Traits().Kind
}

// Survive implements [providers.Survivor].
func (p *Provider) Survive(_ context.Context, _ providers.Traits, known map[string]providers.Credential, stored providers.Model) (providers.Kind, error) {
	const op = "going on without the old key of Trigger.dev"
	var m model
	if err := json.Unmarshal(stored, &m); err != nil || m.V != modelVersion {
		return nil, fault.New(op, fault.Ambiguous, "what was kept of the old keys cannot be read by this program")
	}
	k := p.keys()
	k.ended = true
	for _, env := range slices.Sorted(maps.Keys(known)) {
		own, err := p.belonging(env, known[env].Values)
		if err != nil {
			return nil, err
		}
		if own.root || m.Projects[env] == "" {
			return nil, fault.New(op, fault.Ambiguous, "nothing was kept of the project of "+env)
		}
		k.inUse[env], k.projects[env] = own, m.Projects[env]
	}
	return &additional{byHand{k}}, nil
}
