package mem0

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// own is the kind of keys that servers of one's own issue.
type own struct {
	p      *Provider
	places map[string]*server // by environment, as surveyed

	mu    sync.Mutex
	held  []holding // in use when surveyed, then made by this kind
	known []listed  // the last whole lists, of all servers
}

// holding is a value whose key is known for certain.
type holding struct {
	id    string
	value secret.Value
}

// listed is a key and the server that lists it.
type listed struct {
	wireKey
	at *server
}

var (
	_ providers.Kind         = (*own)(nil)
	_ providers.PlacedIssuer = (*own)(nil)
	_ providers.Lister       = (*own)(nil)
	_ providers.Prober       = (*own)(nil)
	_ providers.Ender        = (*own)(nil)
	_ providers.Usage        = (*own)(nil)
)

// Traits of a key of a server.
func (k *own) Traits() providers.Traits {
	return providers.Traits{
		Kind:       "Mem0 server API key",
		Service:    "Mem0",
		Shape:      providers.Overlap,
		PublicID:   true,
		FreeProbe:  true,
		EndIs:      "revoked at once; the server cannot undo it",
		Drain:      drained,
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// surveyServers finds every environment's key in the list of its server, and
// asks a person unless each is certain and accepted.
func (p *Provider) surveyServers(ctx context.Context, values map[string]secret.Value) (providers.Kind, error) {
	k := &own{p: p, places: make(map[string]*server)}
	for _, env := range slices.Sorted(maps.Keys(values)) {
		s, named := p.servers[env]
		if !named {
			return nil, fault.New(opSurvey, fault.NotFound, env+" holds a key of a server of one's own, and the configuration names no server for it. It was shown to nobody")
		}
		k.places[env] = s
	}
	for _, s := range k.all() {
		if err := s.refuses(ctx, opSurvey); err != nil {
			return nil, err
		}
	}
	if _, err := k.refresh(ctx); err != nil {
		return nil, err
	}
	for _, env := range slices.Sorted(maps.Keys(values)) {
		if err := k.usable(ctx, env, values[env]); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// usable finds the key of one environment, and that its server accepts it.
func (k *own) usable(ctx context.Context, env string, v secret.Value) error {
	found, err := k.one(v, k.places[env])
	if err != nil {
		return fault.New(opSurvey, fault.Of(err).Reason, env+": "+fault.Of(err).Detail)
	}
	switch r := k.places[env].reads(ctx, opSurvey, v); {
	case r.refused:
		return fault.New(opSurvey, fault.NotFound, fmt.Sprintf("the server refuses the value of %s, although key %s begins as it does: it is none of this user's", env, found.ID))
	case r.reason != "":
		return r.failure(opSurvey)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = append(k.held, holding{found.ID, v})
	return nil
}

// all are the different servers, in the order of their environments.
func (k *own) all() []*server {
	var all []*server
	for _, env := range slices.Sorted(maps.Keys(k.places)) {
		if s := k.places[env]; !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// refresh takes the lists of all servers anew.
func (k *own) refresh(ctx context.Context) ([]listed, error) {
	var all []listed
	for _, s := range k.all() {
		keys, err := s.keys(ctx)
		if err != nil {
			return nil, err
		}
		for _, w := range keys { // two that sign in at one server may be one user
			if !slices.ContainsFunc(all, func(l listed) bool { return l.ID == w.ID }) {
				all = append(all, listed{w, s})
			}
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = all
	return all, nil
}

// one is the key that the value is of, if exactly one fits; at a server, or at
// any where none is named.
func (k *own) one(v secret.Value, at *server) (listed, error) {
	const op = "identifying a key of Mem0"
	k.mu.Lock()
	defer k.mu.Unlock()
	var found []listed
	for _, w := range k.known {
		if (at == nil || w.at.base == at.base) && w.fits(v) {
			found = append(found, w)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return listed{}, fault.New(op, fault.NotFound, "the user who signs in owns no key that fits the value: it was revoked, belongs to another server, or somebody else made it. Only the owner can revoke a key, so the application's must be made by that user")
	default:
		return listed{}, fault.New(op, fault.Ambiguous, fmt.Sprintf("%d keys begin as the value does, among them %s and %s; revoke those that are not in use", len(found), found[0].ID, found[1].ID))
	}
}

// Identify returns the id of a value that was surveyed or made here, or the one
// that the last lists have for it.
func (k *own) Identify(values providers.Values) (providers.ID, error) {
	v, _, err := k.p.read(values)
	if err != nil {
		return "", fault.New("identifying a key of Mem0", fault.Ambiguous, err.Error())
	}
	if id := k.certain(v); id != "" {
		return providers.ID(id), nil
	}
	found, err := k.one(v, nil)
	return providers.ID(found.ID), err
}

// certain is the id of a value whose key is known for certain; "" for others.
func (k *own) certain(v secret.Value) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.held {
		if h.value.Equal(v) {
			return h.id
		}
	}
	return ""
}

// IssueIn creates a key at the environment's server, with the label.
func (k *own) IssueIn(ctx context.Context, environment, label string) (providers.Credential, error) {
	s, surveyed := k.places[environment]
	if !surveyed {
		return providers.Credential{}, fault.New("creating a key at Mem0", fault.NotFound, fmt.Sprintf("no key of %q was looked at", environment))
	}
	made, value, err := s.create(ctx, label)
	if err != nil {
		return providers.Credential{}, err
	}
	k.mu.Lock()
	k.held = append(k.held, holding{made.ID, value})
	k.mu.Unlock()
	return providers.Credential{ID: providers.ID(made.ID), Values: providers.Values{k.p.config.Variable: value}, Label: label, Made: made.made()}, nil
}

// List returns the keys of the user at all servers. Revoked ones are left out.
func (k *own) List(ctx context.Context) ([]providers.Credential, error) {
	keys, err := k.refresh(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]providers.Credential, 0, len(keys))
	for _, w := range keys {
		all = append(all, providers.Credential{ID: providers.ID(w.ID), Label: w.Label, Made: w.made()})
	}
	return all, nil
}

// End revokes the key with this id, at the server that lists it. One that no
// list has is gone already.
func (k *own) End(ctx context.Context, id providers.ID) error {
	const op = "revoking a key at Mem0"
	if !idForm.MatchString(string(id)) {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	all, err := k.refresh(ctx)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.ID == string(id) {
			return w.at.revoke(ctx, op, w.ID)
		}
	}
	return nil
}

// LastUsed is the time that the server noted with the key's last request;
// probes are requests, too.
func (k *own) LastUsed(ctx context.Context, id providers.ID, since time.Time) (time.Time, error) {
	const op = "asking Mem0 when a key was used"
	all, err := k.refresh(ctx)
	if err != nil {
		return time.Time{}, err
	}
	at := slices.IndexFunc(all, func(w listed) bool { return w.ID == string(id) })
	if at < 0 {
		return time.Time{}, fault.New(op, fault.NotFound, "key "+string(id)+" is not in the list")
	}
	used, err := all[at].used()
	switch {
	case err != nil:
		return time.Time{}, fault.New(op, fault.Garbled, "the time of the last request cannot be read")
	case !used.After(since):
		return time.Time{}, nil
	}
	return used, nil
}
