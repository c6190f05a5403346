package helius

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

const opSurvey = "looking at the keys of Helius"

// Survey takes the values apart, asks Helius whether it takes each key, and
// finds it in the portal's list where there is a token. It asks a person unless
// every key is certain.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if len(current) == 0 {
		return nil, fault.New(opSurvey, fault.NotFound, "no environment holds a key")
	}
	k := &keys{p: p, inUse: make(map[string]taken), anywhere: make(map[string]bool)}
	environments := slices.Sorted(maps.Keys(current))
	for _, env := range environments {
		own, err := p.read(current[env])
		if err != nil {
			return nil, fault.New(opSurvey, unread(err), env+": "+err.Error())
		}
		k.inUse[env] = own
	}
	if err := k.apart(current); err != nil {
		return nil, err
	}
	var portal *listed
	if p.config.Token != nil {
		var err error
		if portal, err = k.list(ctx); err != nil {
			return nil, err
		}
	}
	for _, env := range environments {
		if err := k.accepted(ctx, env, portal != nil); err != nil {
			return nil, err
		}
		k.anywhere[env] = p.open(ctx, k.inUse[env])
	}
	switch {
	case p.config.OneKey:
		return &single{byHand{k}}, nil
	case portal != nil:
		return portal, nil
	}
	return &manual{byHand{k}}, nil
}

// Continue returns a kind whose keys may be dead already: nobody is asked about
// them, nor what they may do.
func (p *Provider) Continue(_ context.Context, found providers.Traits, current map[string]providers.Values) (providers.Kind, error) {
	const op = "going on with the keys of Helius"
	k := &keys{p: p, inUse: make(map[string]taken), anywhere: make(map[string]bool)}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		own, err := p.read(current[env])
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		k.inUse[env], k.anywhere[env] = own, true
	}
	if found.Kind != (&single{byHand{k}}).Traits().Kind || !p.config.OneKey {
		return nil, fault.New(op, fault.ChangedByOther, "the rotation began with “"+found.Kind+"”, and helius.one_key says otherwise by now")
	}
	return &single{byHand{k}}, nil
}

// unread is the reason for which a value is not taken.
func unread(err error) fault.Reason {
	if _, is := err.(errNoKey); is { //nolint:errorlint // read returns it as it is
		return fault.Unsupported
	}
	return fault.Ambiguous
}

// apart refuses one key in two environments' different addresses: it is neither
// shared, as the values differ, nor each one's own.
func (k *keys) apart(current map[string]providers.Values) error {
	environments := slices.Sorted(maps.Keys(k.inUse))
	for i, a := range environments {
		for _, b := range environments[i+1:] {
			if !k.inUse[a].key.Equal(k.inUse[b].key) {
				continue
			}
			same := func(name string) bool { return current[a][name].Equal(current[b][name]) }
			if !slices.ContainsFunc(k.p.config.Variables, func(name string) bool { return !same(name) }) {
				continue
			}
			return fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("%s and %s hold one key in two addresses; give each a key of its own, or both the same value", a, b))
		}
	}
	return nil
}

// accepted holds that Helius takes an environment's key before anything is
// changed: a refusal after the end would otherwise prove nothing.
func (k *keys) accepted(ctx context.Context, env string, listed bool) error {
	own := k.inUse[env]
	var sites []string
	if site := k.p.config.Origins[env]; site != "" {
		sites = append(sites, site)
	}
	r := k.p.ask(ctx, opSurvey, own, sites...)
	shown := fmt.Sprintf("the key of %s, …%s", env, own.key.Last4())
	switch {
	case r.accepted:
		return nil
	case !r.refused:
		return r.cause
	case listed:
		return fault.New(opSurvey, fault.Ambiguous, "Helius lists "+shown+", and refuses it to Rekey: its access rules admit other sites or addresses. Name the site in helius.origins, or admit Rekey's address, so that its end can be proved")
	default:
		return fault.New(opSurvey, fault.NotFound, "Helius refuses "+shown+": it was deleted, or its access rules admit other sites or addresses than Rekey's. Where the application works with it, name its site in helius.origins")
	}
}

// equal reports whether the token is a value of the application's.
func (k *keys) equal(token secret.Value) (string, bool) {
	for _, env := range slices.Sorted(maps.Keys(k.inUse)) {
		if k.inUse[env].key.Equal(token) {
			return env, true
		}
	}
	return "", false
}
