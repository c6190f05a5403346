package langfuse

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"rekey/internal/fault"
	"rekey/providers"
)

const opSurvey = "looking at the keys of Langfuse"

// Survey asks whose key each environment's pair is, and what the plan of the
// organisation allows. It asks a person unless every pair lives, belongs to
// the project that is declared, and is one pair: both halves of one row.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if len(current) == 0 {
		return nil, fault.New(opSurvey, fault.NotFound, "no environment holds a key")
	}
	k := &pairs{p: p, inUse: make(map[string]pair), places: make(map[string]place)}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		own, err := p.form.read(current[env])
		if err != nil {
			return nil, fault.New(opSurvey, fault.Ambiguous, env+": "+err.Error())
		}
		k.inUse[env] = own
	}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		at, err := p.locate(ctx, env, k.inUse[env])
		if err != nil {
			return nil, err
		}
		k.places[env] = at
	}
	entitled, err := k.entitled(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case !entitled && !p.config.ByHand:
		return nil, fault.New(opSurvey, fault.Unsupported, "the organisation's plan has no API for keys: they are made and deleted in the dashboard. Nothing was changed. With langfuse: {by_hand: true} in the configuration the thread asks people to do both")
	case !entitled:
		if err := k.publicKnown(ctx); err != nil {
			return nil, err
		}
		return &manual{k}, nil
	}
	if _, err := k.refresh(ctx); err != nil {
		return nil, err
	}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		if err := k.whole(opSurvey, env+": ", k.inUse[env]); err != nil {
			return nil, err
		}
	}
	if p.config.ByHand {
		return &restricted{listed{k}}, nil
	}
	return &issued{listed{k}}, nil
}

// locate asks the service whose key a pair is, with the pair itself.
func (p *Provider) locate(ctx context.Context, env string, own pair) (place, error) {
	s := p.site(env)
	admin, err := s.organisation(ctx)
	if err != nil {
		return place{}, err
	}
	if own.public == admin.public || own.secret.Equal(admin.secret) {
		return place{}, fault.New(opSurvey, fault.Managed, env+" runs on the very pair Rekey administers with; give the application a key of its project")
	}
	r := s.whose(ctx, opSurvey, own)
	want := p.config.Projects[env]
	switch {
	case r.project != "" && want != "" && r.project != want:
		return place{}, fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("key %s of %s belongs to project %s, and the configuration names %s", own.public, env, r.project, want))
	case r.project != "":
		return place{s, r.project, r.name}, nil
	case r.refused:
		return place{}, fault.New(opSurvey, fault.NotFound, fmt.Sprintf("%s refuses key %s of %s: it was deleted, its secret half is another key's, or it belongs to another region; base_url must be the application's LANGFUSE_HOST", s.base, own.public, env))
	case r.status == http.StatusForbidden:
		return place{}, fault.New(opSurvey, fault.Unsupported, fmt.Sprintf("key %s of %s lives but may not read its project: it is an organisation's, or has narrower permissions than the API can make; nothing was changed", own.public, env))
	}
	return place{}, r.failure()
}

// failure is an answer from which nothing can be told.
func (r reply) failure() error {
	f := &fault.Error{Op: opSurvey, Reason: fault.Garbled, Status: r.status, Detail: r.reason}
	if r.cause != nil {
		f.Class, f.Reason, f.Detail, f.RetryAfter, f.Err = r.cause.Class, r.cause.Reason, r.cause.Detail, r.cause.RetryAfter, r.cause.Err
	}
	return f
}

// entitled reports whether the plans of all organisations have the API for
// keys, and that the projects are theirs.
func (k *pairs) entitled(ctx context.Context) (bool, error) {
	asked := make(map[*site]map[string]string)
	for _, env := range slices.Sorted(maps.Keys(k.places)) {
		at := k.places[env]
		if _, done := asked[at.site]; !done {
			names, entitled, err := at.site.projects(ctx)
			if err != nil || !entitled {
				return false, err
			}
			asked[at.site] = names
		}
		if _, theirs := asked[at.site][at.project]; !theirs {
			return false, fault.New(opSurvey, fault.NotFound, fmt.Sprintf("project %s of %s is not among those of the organisation whose key pair administers", at.project, env))
		}
	}
	return true, nil
}
