package fal

import (
	"context"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// apiKey is the one kind that fal.ai has: a key of scope API.
type apiKey struct{ p *Provider }

var (
	_ providers.Kind   = (*apiKey)(nil)
	_ providers.Issuer = (*apiKey)(nil)
	_ providers.Lister = (*apiKey)(nil)
	_ providers.Prober = (*apiKey)(nil)
	_ providers.Ender  = (*apiKey)(nil)
	_ providers.Usage  = (*apiKey)(nil)
)

// signatures are what a refused key leaves in an application's log: the HTTP
// libraries' line with the host on either side of the status, and two
// sentences of fal's own (https://github.com/fal-ai/fal/issues/1068). A bare
// 401 is not enough, it may be a duration or a request's id.
var signatures = []string{
	`(?i)\bfal\b[^\n]{0,200}(\b401 unauthorized\b|\bstatus(_?code)?\W{1,4}401\b)`,
	`(?i)(\b401 unauthorized\b|\bstatus(_?code)?\W{1,4}401\b)[^\n]{0,200}\bfal\.(ai|run)\b`,
	`No user found for Key ID and Secret`,
	`Invalid Key Authorization header format`,
}

// Traits of an API key.
func (k *apiKey) Traits() providers.Traits {
	return providers.Traits{
		Kind:       "fal.ai API key",
		Service:    "fal.ai",
		Shape:      providers.Overlap,
		PublicID:   true,
		FreeProbe:  true,
		EndIs:      "deleted at once; fal.ai cannot undo it",
		Drain:      "queue jobs submitted with the old key are polled with it: workers that still hold it are refused after the deletion; so are applications deployed at fal itself, whose store of secrets is not fed by the vault",
		Waits:      k.p.waits,
		Signatures: append([]string(nil), signatures...),
	}
}

// Identify returns the part before the colon.
func (k *apiKey) Identify(v providers.Values) (providers.ID, error) {
	id, err := k.p.form.identify(v)
	if err != nil {
		return "", fault.New("identifying a key of fal.ai", fault.Ambiguous, err.Error())
	}
	return id, nil
}

// Issue creates a key with the label as its alias. fal.ai does not say when it
// made the key; Made is when its answer came.
func (k *apiKey) Issue(ctx context.Context, label string) (providers.Credential, error) {
	made, err := k.p.create(ctx, label)
	if err != nil {
		return providers.Credential{}, err
	}
	return providers.Credential{ID: made.id, Values: k.p.form.spread(made), Label: label, Made: time.Now().UTC()}, nil
}

// List returns all keys of scope API; ADMIN keys are not listed by fal.ai.
func (k *apiKey) List(ctx context.Context) ([]providers.Credential, error) {
	keys, err := k.p.keys(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]providers.Credential, 0, len(keys))
	for _, w := range keys {
		// A time in another form only costs the age: it stays unknown.
		made, _ := time.Parse(time.RFC3339, w.Created)
		all = append(all, providers.Credential{ID: providers.ID(w.ID), Label: w.Alias, Made: made})
	}
	return all, nil
}

// End deletes the key with this id for good.
func (k *apiKey) End(ctx context.Context, id providers.ID) error { return k.p.remove(ctx, id) }
