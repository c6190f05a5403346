package helius

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

// model is what the successors of keys are made after, by environment.
type model struct {
	V      int                `json:"v"`
	Places map[string]pattern `json:"places"`
}

// pattern is what is known of one key in use. Its access rules only people see.
type pattern struct {
	Project  string `json:"project,omitempty"` // where the portal makes the next one
	Anywhere bool   `json:"anywhere,omitempty"`
}

var (
	_ providers.Survivor = (*Provider)(nil)
	_ providers.Modelled = (*manual)(nil)
	_ providers.Modelled = (*listed)(nil)
)

// Model implements [providers.Modelled].
func (k *manual) Model() (providers.Model, error) { return k.model(nil) }

// Model implements [providers.Modelled].
func (k *listed) Model() (providers.Model, error) { return k.model(k.place) }

func (k *keys) model(projects map[string]string) (providers.Model, error) {
	m := model{V: modelVersion, Places: make(map[string]pattern)}
	for env := range k.inUse {
		m.Places[env] = pattern{Project: projects[env], Anywhere: k.anywhere[env]}
	}
	return json.Marshal(m)
}

// Survives implements [providers.Survivor]: what a key is made after is in the
// model, and the address around it stays in the vault. Where the plan has one key,
// the making of the next one is what ends it.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == kindByHand || found.Kind == kindListed
}

const opSurvive = "going on without the old key of Helius"

// Survive implements [providers.Survivor].
func (p *Provider) Survive(ctx context.Context, found providers.Traits, known map[string]providers.Credential, stored providers.Model) (providers.Kind, error) {
	var m model
	if err := json.Unmarshal(stored, &m); err != nil || m.V != modelVersion {
		return nil, fault.New(opSurvive, fault.Ambiguous, "what was kept of the old keys cannot be read by this program")
	}
	k := &keys{p: p, inUse: make(map[string]taken), anywhere: make(map[string]bool), ended: true}
	for _, env := range slices.Sorted(maps.Keys(known)) {
		own, err := p.read(known[env].Values)
		if err != nil {
			return nil, fault.New(opSurvive, fault.Ambiguous, env+": "+err.Error())
		}
		like, kept := m.Places[env]
		if !kept {
			return nil, fault.New(opSurvive, fault.Ambiguous, "nothing was kept of the key of "+env)
		}
		k.inUse[env], k.anywhere[env] = own, like.Anywhere
	}
	if found.Kind == kindListed {
		return k.relisted(ctx, m)
	}
	return &manual{byHand{k}}, nil
}

// relisted is the kind with the portal's token, whose keys in use may be listed no
// more: keys are made where those were.
func (k *keys) relisted(ctx context.Context, m model) (providers.Kind, error) {
	if k.p.config.Token == nil {
		return nil, fault.New(opSurvive, fault.ChangedByOther, "the rotation began with a token of the portal, and the configuration has none by now")
	}
	l := &listed{keys: k, place: make(map[string]string)}
	for env := range k.inUse {
		like, want := m.Places[env].Project, k.p.config.Projects[env]
		switch {
		case !projectForm.MatchString(like):
			return nil, fault.New(opSurvive, fault.Ambiguous, "nothing was kept of the project of "+env)
		case want != "" && want != like:
			return nil, fault.New(opSurvive, fault.Ambiguous, "the old key of "+env+" was one of project "+like+", and the configuration names "+want)
		}
		l.place[env] = like
	}
	var err error
	l.seen, err = k.p.rows(ctx, opSurvive)
	return l, err
}
