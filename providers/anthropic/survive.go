package anthropic

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// modelVersion is the form of a model that this program writes. It is stored.
const modelVersion = 1

// model is what people are asked to make the next keys like, by environment.
type model struct {
	V    int                `json:"v"`
	Keys map[string]pattern `json:"keys"`
}

// pattern is a key without its hint, which is a part of a secret.
type pattern struct {
	ID        string     `json:"id"`
	Workspace string     `json:"workspace"`
	Principal *principal `json:"principal,omitempty"`
}

var (
	_ providers.Survivor = (*Provider)(nil)
	_ providers.Modelled = (*apiKey)(nil)
)

// Model implements [providers.Modelled].
func (k *apiKey) Model() (providers.Model, error) {
	m := model{V: modelVersion, Keys: make(map[string]pattern)}
	for env, w := range k.inUse {
		m.Keys[env] = pattern{ID: w.ID, Workspace: w.workspace(), Principal: w.Principal}
	}
	return json.Marshal(m)
}

// Survives implements [providers.Survivor]: workspace and principal of a key are
// in the model.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == (&apiKey{p: p}).Traits().Kind
}

// Survive implements [providers.Survivor].
func (p *Provider) Survive(ctx context.Context, _ providers.Traits, known map[string]providers.Credential, stored providers.Model) (providers.Kind, error) {
	const op = "going on without the old key of Anthropic"
	var m model
	if err := json.Unmarshal(stored, &m); err != nil || m.V != modelVersion {
		return nil, fault.New(op, fault.Ambiguous, "what was kept of the old keys cannot be read by this program")
	}
	k := &apiKey{p: p, inUse: make(map[string]wireKey)}
	for _, env := range slices.Sorted(maps.Keys(known)) {
		v, err := p.read(known[env].Values)
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		like, want := m.Keys[env], p.config.Workspaces[env]
		switch {
		case !idForm.MatchString(like.ID) || like.Workspace == "":
			return nil, fault.New(op, fault.Ambiguous, "nothing was kept of the old key of "+env)
		case want != "" && want != like.Workspace:
			return nil, fault.New(op, fault.Ambiguous, "the old key of "+env+" was one of workspace "+like.Workspace+", and the configuration names "+want)
		}
		k.inUse[env] = wireKey{ID: like.ID, Status: active, Principal: like.Principal, Scope: &scope{Type: "workspace", Workspace: like.Workspace}}
		k.told = append(k.told, holding{known[env].ID, v})
	}
	_, err := k.refresh(ctx)
	return k, err
}

// holding is a value whose id is known although its key may be archived.
type holding struct {
	id    providers.ID
	value secret.Value
}

// held is the id of a value that an environment holds.
func (k *apiKey) held(v secret.Value) (providers.ID, bool) {
	for _, h := range k.told {
		if h.id != "" && h.value.Equal(v) {
			return h.id, true
		}
	}
	return "", false
}
