package triggerdev

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/providers"
)

const opSurvey = "looking at the keys of Trigger.dev"

// Survey asks whose key each environment's value is, and what kind. It asks a
// person unless every value begins as its environment's keys do and lives in
// the project that is declared, and all are of one kind.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if len(current) == 0 {
		return nil, fault.New(opSurvey, fault.NotFound, "no environment holds a key")
	}
	k := p.keys()
	for _, env := range slices.Sorted(maps.Keys(current)) {
		own, err := p.belonging(env, current[env])
		if err != nil {
			return nil, err
		}
		k.inUse[env] = own
	}
	if err := k.lives(ctx); err != nil {
		return nil, err
	}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		if err := p.exists(ctx, env, k.places[env]); err != nil {
			return nil, err
		}
	}
	return k.kind(ctx)
}

// belonging is the key of an environment, if it begins as those of its place
// do: the service itself would run tasks in the wrong one without a word.
func (p *Provider) belonging(env string, values providers.Values) (key, error) {
	own, err := p.read(values)
	if err != nil {
		return key{}, fault.New(opSurvey, fault.Ambiguous, env+": "+err.Error())
	}
	at, declared := p.config.Places[env]
	switch {
	case !declared:
		return key{}, fault.New(opSurvey, fault.Ambiguous, "the configuration names no project for "+env)
	case own.prefix != prefixes[at.Environment]:
		return key{}, fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("the key of %s begins with tr_%s_ and so belongs to another environment than %s, whose keys begin with tr_%s_", env, own.prefix, at.Environment, prefixes[at.Environment]))
	}
	return own, nil
}

// lives asks about every key with the key itself.
func (k *keys) lives(ctx context.Context) error {
	for _, env := range slices.Sorted(maps.Keys(k.inUse)) {
		at := k.places[env]
		switch r := k.p.whose(ctx, opSurvey, at, k.inUse[env].value); {
		case r.project != "":
			k.projects[env] = r.project
		case r.refused:
			return fault.New(opSurvey, fault.NotFound, fmt.Sprintf("%s refuses the key of %s: it was revoked or replaced, or belongs to another server", k.p.config.BaseURL, env))
		case r.elsewhere:
			return fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("the key of %s lives, and not in project %s, environment %s", env, at.Project, at.Environment))
		default:
			return r.failure(opSurvey)
		}
	}
	return nil
}

// kind is what all keys are.
func (k *keys) kind(ctx context.Context) (providers.Kind, error) {
	var roots, others []string
	for _, env := range slices.Sorted(maps.Keys(k.inUse)) {
		if k.inUse[env].root {
			roots = append(roots, env)
		} else {
			others = append(others, env)
		}
	}
	switch {
	case len(roots) == 0:
		return &additional{byHand{k}}, nil
	case len(others) > 0:
		return nil, fault.New(opSurvey, fault.Unsupported, fmt.Sprintf("%s uses an additional key and %s the root key of its environment, which end in different ways and cannot be rotated as one. Nothing was changed. Give %s an additional key by hand, or %s the root key", others[0], roots[0], roots[0], others[0]))
	}
	for _, env := range roots {
		if err := k.present(ctx, env); err != nil {
			return nil, err
		}
	}
	if k.p.config.Migrate {
		return &moving{byHand{k}}, nil
	}
	return &root{k}, nil
}

// present holds that a root key is still the environment's present one.
func (k *keys) present(ctx context.Context, env string) error {
	now, err := k.p.root(ctx, opSurvey, k.places[env])
	if err != nil {
		return err
	}
	if !now.value.Equal(k.inUse[env].value) {
		return fault.New(opSurvey, fault.ChangedByOther, "the root key of "+env+" was regenerated, and the vault holds the old one, which dies within 24 hours of that. Put the present one into the vault and deploy it first; regenerating it again would only add another old key")
	}
	return nil
}
