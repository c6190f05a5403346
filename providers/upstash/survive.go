package upstash

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/providers"
)

// modelVersion is the form of a model that this program writes. It is stored.
const modelVersion = 1

// model is what the successors of users need, by environment.
type model struct {
	V     int                `json:"v"`
	Users map[string]pattern `json:"users"`
}

// pattern is a user without its passwords.
type pattern struct {
	Database string   `json:"database"`
	Name     string   `json:"name"`
	Rules    []string `json:"rules"`
}

var (
	_ providers.Survivor = (*Provider)(nil)
	_ providers.Modelled = (*users)(nil)
)

// Model implements [providers.Modelled].
func (k *users) Model() (providers.Model, error) {
	m := model{V: modelVersion, Users: make(map[string]pattern)}
	for env, at := range k.inUse {
		if slices.ContainsFunc(at.user.rules, hides) {
			return nil, fault.New("telling what the users of Upstash may do", fault.Garbled, fmt.Sprintf("a rule of user %s is a password, and those are not kept", at.user.name))
		}
		m.Users[env] = pattern{Database: at.d.name, Name: at.user.name, Rules: at.user.rules}
	}
	return json.Marshal(m)
}

// hides reports a word that sets or removes a password, in plain or hashed.
func hides(rule string) bool { return strings.ContainsAny(rule[:min(1, len(rule))], "><#!") }

// Survives implements [providers.Survivor]: the rules of a user are in the model.
// A database's own token is ended only by making the next one.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == (&users{p: p}).Traits().Kind
}

// Survive implements [providers.Survivor].
func (p *Provider) Survive(_ context.Context, _ providers.Traits, kept map[string]providers.Credential, stored providers.Model) (providers.Kind, error) {
	const op = "going on without the old user of Upstash"
	var m model
	if err := json.Unmarshal(stored, &m); err != nil || m.V != modelVersion {
		return nil, fault.New(op, fault.Ambiguous, "what was kept of the old users cannot be read by this program")
	}
	k := &users{p: p, inUse: make(map[string]held)}
	for _, env := range sorted(kept) {
		o, err := p.form.read(kept[env].Values)
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		like := m.Users[env]
		if !userForm.MatchString(like.Name) || len(like.Rules) == 0 || slices.ContainsFunc(like.Rules, hides) {
			return nil, fault.New(op, fault.Ambiguous, "nothing was kept of what the old user of "+env+" may do")
		}
		d, there := p.databases[env]
		where, name, _ := strings.Cut(string(kept[env].ID), "/")
		if !there || d.name != like.Database || d.name != where {
			return nil, fault.New(op, fault.NotFound, fmt.Sprintf("the old user of %s was one of %q, which is not the database that is configured for it", env, like.Database))
		}
		o.user = like.Name
		k.inUse[env] = held{d: d, user: entry{name: like.Name, on: true, rules: like.Rules}, own: o}
		k.learn(known{d: d, name: name, token: o.token})
	}
	return k, nil
}
