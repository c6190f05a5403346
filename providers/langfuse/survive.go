package langfuse

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

// model is where the successors of pairs are made, by environment.
type model struct {
	V        int                `json:"v"`
	Projects map[string]pattern `json:"projects"`
}

// pattern is a project, and the site at which it is.
type pattern struct {
	Site string `json:"site"`
	ID   string `json:"id"`
}

var (
	_ providers.Survivor = (*Provider)(nil)
	_ providers.Modelled = (*issued)(nil)
	_ providers.Modelled = (*restricted)(nil)
	_ providers.Modelled = (*manual)(nil)
)

// The kinds by their names, which are stored.
const (
	kindIssued = "Langfuse key pair"
	kindByHand = "Langfuse key pair, made by hand"
	kindOfPlan = "Langfuse key pair, of a plan without the API"
)

// Model implements [providers.Modelled].
func (k *pairs) Model() (providers.Model, error) {
	m := model{V: modelVersion, Projects: make(map[string]pattern)}
	for env, at := range k.places {
		m.Projects[env] = pattern{Site: at.site.base, ID: at.project}
	}
	return json.Marshal(m)
}

// Survives implements [providers.Survivor]: the project of a pair is in the model.
// What a pair may do there only the dashboard shows: people note it before.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == kindIssued || found.Kind == kindByHand || found.Kind == kindOfPlan
}

// Survive implements [providers.Survivor].
func (p *Provider) Survive(ctx context.Context, found providers.Traits, known map[string]providers.Credential, stored providers.Model) (providers.Kind, error) {
	const op = "going on without the old key of Langfuse"
	var m model
	if err := json.Unmarshal(stored, &m); err != nil || m.V != modelVersion {
		return nil, fault.New(op, fault.Ambiguous, "what was kept of the old pairs cannot be read by this program")
	}
	k := &pairs{p: p, inUse: make(map[string]pair), places: make(map[string]place), ended: true}
	for _, env := range slices.Sorted(maps.Keys(known)) {
		own, err := p.form.read(known[env].Values)
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		s, like := p.site(env), m.Projects[env]
		switch want := p.config.Projects[env]; {
		case !projectForm.MatchString(like.ID):
			return nil, fault.New(op, fault.Ambiguous, "nothing was kept of the project of "+env)
		case s.base != like.Site, want != "" && want != like.ID:
			return nil, fault.New(op, fault.Ambiguous, "the old pair of "+env+" was one of project "+like.ID+" at "+like.Site+", and the configuration names another one")
		}
		k.inUse[env], k.places[env] = own, place{site: s, project: like.ID}
	}
	if found.Kind == kindOfPlan {
		return &manual{k}, nil // nothing is listed
	}
	if _, err := k.refresh(ctx); err != nil {
		return nil, err
	}
	if found.Kind == kindByHand {
		return &restricted{listed{k}}, nil
	}
	return &issued{listed{k}}, nil
}
