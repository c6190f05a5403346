package mem0

import (
	"encoding/json"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// modelVersion is the form of a model that this program writes. It is stored.
const modelVersion = 1

// model is for which projects the successors of keys are made, by environment.
type model struct {
	V      int                `json:"v"`
	Places map[string]pattern `json:"places"`
}

// pattern is a place as it is stored.
type pattern struct {
	Org     string `json:"org"`
	Project string `json:"project"`
}

var _ providers.Modelled = (*hosted)(nil)

// Model implements [providers.Modelled].
func (k *hosted) Model() (providers.Model, error) {
	m := model{V: modelVersion, Places: make(map[string]pattern)}
	for env, at := range k.places {
		m.Places[env] = pattern{Org: at.org, Project: at.project}
	}
	return json.Marshal(m)
}

// surviving is the kind of the platform's keys whose old ones are gone.
func (p *Provider) surviving(known map[string]providers.Credential, stored providers.Model) (providers.Kind, error) {
	var m model
	if err := json.Unmarshal(stored, &m); err != nil || m.V != modelVersion {
		return nil, fault.New(opSurvive, fault.Ambiguous, "what was kept of the old keys cannot be read by this program")
	}
	k := &hosted{p: p, inUse: make(map[string]secret.Value), places: make(map[string]place)}
	for _, env := range slices.Sorted(maps.Keys(known)) {
		v, _, err := p.read(known[env].Values)
		if err != nil {
			return nil, fault.New(opSurvive, fault.Ambiguous, env+": "+err.Error())
		}
		like, want := m.Places[env], p.config.Projects[env]
		switch {
		case !placeForm.MatchString(like.Org) || !placeForm.MatchString(like.Project):
			return nil, fault.New(opSurvive, fault.Ambiguous, "nothing was kept of the project of "+env)
		case want != "" && want != like.Project:
			return nil, fault.New(opSurvive, fault.Ambiguous, "the old key of "+env+" was one of project "+like.Project+", and the configuration names "+want)
		}
		k.inUse[env], k.places[env] = v, place{like.Org, like.Project}
	}
	return k, nil
}
