package ayrshare

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

const opSurvey = "looking at the key of Ayrshare"

// Survey asks with each environment's key whose it is.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if len(current) == 0 {
		return nil, fault.New(opSurvey, fault.NotFound, "no environment holds a key")
	}
	k := &key{p: p, accounts: make(map[string]string), inUse: make(map[string]secret.Value)}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		v, err := p.read(opSurvey, current[env])
		if err != nil {
			return nil, err
		}
		k.inUse[env] = v
		if k.accounts[env], err = p.accountOf(ctx, env, v); err != nil {
			return nil, err
		}
	}
	if err := k.apart(); err != nil {
		return nil, err
	}
	for _, env := range slices.Sorted(maps.Keys(k.inUse)) {
		if err := k.planned(ctx, env); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// accountOf asks a person about a key that the service does not take.
func (p *Provider) accountOf(ctx context.Context, env string, v secret.Value) (string, error) {
	r := p.whose(ctx, opSurvey, v)
	switch {
	case r.refused:
		return "", fault.New(opSurvey, fault.NotFound, fmt.Sprintf("Ayrshare refuses what %s holds: it was replaced, or it is a Profile Key, which chooses a profile and is no API key", env))
	case r.cause != nil:
		return "", r.cause
	}
	return r.account, nil
}

// apart holds that an account has one key.
func (k *key) apart() error {
	seen := make(map[string]string)
	for _, env := range slices.Sorted(maps.Keys(k.accounts)) {
		other, again := seen[k.accounts[env]]
		if again && !k.inUse[env].Equal(k.inUse[other]) {
			return fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("%s and %s hold different keys of one account, which has one only", other, env))
		}
		seen[k.accounts[env]] = env
	}
	return nil
}

// planned looks for posts that an account has accepted for later, so that
// people pick a quiet minute. A plan that does not tell is no obstacle.
func (k *key) planned(ctx context.Context, env string) error {
	var page struct {
		History []struct{} `json:"history"`
	}
	call := rest.Call{Op: opSurvey, Path: "/history", Query: url.Values{"type": {"scheduled"}, "limit": {"1"}}, Sign: bearer(k.inUse[env])}
	_, err := k.p.api.Do(ctx, call, &page)
	switch {
	case err == nil:
		k.scheduled = k.scheduled || len(page.History) > 0
	case fault.Is(err, fault.Forbidden), fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid):
	default:
		return fault.Explained(err, between, fault.Unauthorized)
	}
	return nil
}

// Continue returns the kind of a rotation that is under way, when the key in
// the vault may be dead: the accounts stand in the traits.
func (p *Provider) Continue(_ context.Context, found providers.Traits, current map[string]providers.Values) (providers.Kind, error) {
	const op = "going on with a key of Ayrshare"
	k := &key{p: p, accounts: make(map[string]string), inUse: make(map[string]secret.Value), scheduled: found.Notice != ""}
	for _, part := range strings.Split(found.Account, "; ") {
		env, account, ok := strings.Cut(part, ": ")
		if !ok {
			return nil, fault.New(op, fault.Garbled, "the record does not tell whose the key is")
		}
		k.accounts[env] = account
	}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		v, err := p.read(op, current[env])
		if err != nil {
			return nil, err
		}
		if k.accounts[env] == "" {
			return nil, fault.New(op, fault.Ambiguous, "the record does not tell whose the key of "+env+" is")
		}
		k.inUse[env] = v
	}
	return k, nil
}
