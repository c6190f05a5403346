package r2

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

// model is what the successors of tokens in use need, by environment.
type model struct {
	V      int                `json:"v"`
	Tokens map[string]pattern `json:"tokens"`
}

// pattern is a token without its value, and how the buckets answer it.
type pattern struct {
	ID        string          `json:"id"`
	Issued    string          `json:"issued_on,omitempty"`
	Expires   string          `json:"expires_on,omitempty"`
	Policies  []policy        `json:"policies"`
	Condition json.RawMessage `json:"condition,omitempty"`
	Lists     map[string]bool `json:"lists"` // by bucket: it lists; else it denies that to a key that lives
}

var (
	_ providers.Survivor = (*Provider)(nil)
	_ providers.Modelled = (*accessKey)(nil)
)

// Model implements [providers.Modelled].
func (k *accessKey) Model() (providers.Model, error) {
	m := model{V: modelVersion, Tokens: make(map[string]pattern)}
	k.mu.Lock()
	defer k.mu.Unlock()
	for env, t := range k.inUse {
		lists := make(map[string]bool)
		for _, e := range k.expected[providers.ID(t.ID)] {
			if slices.Contains(k.p.config.Buckets[env], e.bucket) {
				lists[e.bucket] = e.lists
			}
		}
		m.Tokens[env] = pattern{ID: t.ID, Issued: t.Issued, Expires: t.Expires, Policies: t.Policies, Condition: t.condition(), Lists: lists}
	}
	return json.Marshal(m)
}

// expectations are in the order of the buckets' names.
func (p pattern) expectations() []expectation {
	var all []expectation
	for _, bucket := range slices.Sorted(maps.Keys(p.Lists)) {
		all = append(all, expectation{bucket: bucket, lists: p.Lists[bucket]})
	}
	return all
}

// whole reports whether a token can be made after it, and be proved.
func (p pattern) whole() bool {
	return idForm.MatchString(p.ID) && len(p.Policies) > 0 && len(p.Lists) > 0
}

// Survives implements [providers.Survivor]: what a token may do is in the model.
func (p *Provider) Survives(found providers.Traits) bool {
	return found.Kind == newAccessKey(p, "").Traits().Kind
}

// Survive implements [providers.Survivor].
func (p *Provider) Survive(ctx context.Context, _ providers.Traits, known map[string]providers.Credential, stored providers.Model) (providers.Kind, error) {
	const op = "going on without the old key of R2"
	var m model
	if err := json.Unmarshal(stored, &m); err != nil || m.V != modelVersion {
		return nil, fault.New(op, fault.Ambiguous, "what was kept of the old tokens cannot be read by this program")
	}
	admin, err := p.adminID(ctx)
	if err != nil {
		return nil, err
	}
	k := newAccessKey(p, admin)
	for _, env := range slices.Sorted(maps.Keys(known)) {
		if _, err := p.form.read(known[env].Values); err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		like := m.Tokens[env]
		if !like.whole() {
			return nil, fault.New(op, fault.Ambiguous, "nothing was kept of what the old token of "+env+" may do")
		}
		k.inUse[env] = token{ID: like.ID, Status: active, Issued: like.Issued, Expires: like.Expires, Policies: like.Policies, Condition: like.Condition}
		k.expect(providers.ID(like.ID), like.expectations())
	}
	for env, c := range known { // a new one answers as the old one did, whose buckets are all known now
		k.expected[c.ID] = k.expected[providers.ID(k.inUse[env].ID)]
	}
	return k, nil
}
