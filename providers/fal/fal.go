// Package fal issues, probes and ends API keys of fal.ai.
//
// # The model
//
// A key is one string, key_id:key_secret, sent as "Authorization: Key …" (the
// word is not Bearer). The id is public, what follows the colon is the
// secret. Keys belong to an account or a team, any number of them are valid
// together, and deleting one is immediate and cannot be undone: the shape is
// overlap, there is no disabling. Managing keys takes a key of ADMIN scope of
// the same account or team; ADMIN keys themselves can be made and deleted in
// the dashboard only.
//
// What may be believed:
//
//   - A key is alive when GET /models/pricing accepts it and refuses the same
//     request without a key. Authentication is optional for GET /models, and
//     GET /models/usage wants ADMIN: neither tells anything about a key.
//   - A key is gone when it is refused there and absent from the whole list.
//     The 204 of the deletion is no evidence: deleting what never existed
//     answers 204 too.
//
// # What may run twice
//
// Reading, and deleting the same id. Creating never: the value is shown once,
// so after a lost answer the caller finds the key by its label, deletes it and
// makes another one.
//
// Sources: https://api.fal.ai/v1/openapi.json,
// https://fal.ai/docs/platform-apis/v1/keys/create and its neighbours list
// and delete, https://docs.fal.ai for authentication and scopes.
package fal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the platform API.
const DefaultBaseURL = "https://api.fal.ai/v1"

// DefaultWaits are the pauses that suit fal.ai. New keys answer at once, the
// settle time covers a slow gateway. The hold lets queue jobs that were
// submitted with the old key finish. Access is documented to end immediately;
// probing for a minute covers gateways that remember.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     30 * time.Second,
		Hold:       10 * time.Minute,
		ProbeEvery: 5 * time.Second,
		ProbeFor:   time.Minute,
	}
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the platform API; empty is [DefaultBaseURL].
	BaseURL string
	// ProbeURL is the base URL that probes go to; empty is BaseURL.
	ProbeURL string
	// AdminKey returns the ADMIN key. It is asked before each use, so that a
	// key replaced in its file is used at once.
	AdminKey func(context.Context) (secret.Value, error)
	// Variables that carry the key; empty is FAL_KEY alone. A name that ends
	// in _ID carries the key's id, one in _SECRET the part after the colon, as
	// fal's Python client reads them; every other name carries the whole key.
	Variables []string
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
	// ProbeEndpoint is the model whose price a probe asks for; empty is
	// fal-ai/flux/dev. Asking is free.
	ProbeEndpoint string
}

// Provider is fal.ai seen through one ADMIN key.
type Provider struct {
	api      *rest.Client
	prices   *rest.Client
	adminKey func(context.Context) (secret.Value, error)
	form     form
	waits    providers.Waits
	endpoint string
}

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	if c.AdminKey == nil {
		return nil, errors.New("configuring fal.ai: an ADMIN key is needed")
	}
	c = withDefaults(c)
	if w := c.Waits; w.Settle < 0 || w.Hold < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0 {
		return nil, errors.New("configuring fal.ai: settle and hold must not be negative, probe_every and probe_for must be positive")
	}
	form, err := newForm(c.Variables)
	if err != nil {
		return nil, fmt.Errorf("configuring fal.ai: %w", err)
	}
	api, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring fal.ai: %w", err)
	}
	prices, err := rest.New(rest.Config{Base: c.ProbeURL, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring fal.ai for probes: %w", err)
	}
	return &Provider{api: api, prices: prices, adminKey: c.AdminKey, form: form, waits: c.Waits, endpoint: c.ProbeEndpoint}, nil
}

func withDefaults(c Config) Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.ProbeURL == "" {
		c.ProbeURL = c.BaseURL
	}
	if len(c.Variables) == 0 {
		c.Variables = []string{"FAL_KEY"}
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	if c.ProbeEndpoint == "" {
		c.ProbeEndpoint = "fal-ai/flux/dev"
	}
	return c
}

// Survey identifies the key of every environment, and asks a person unless
// the ADMIN key sees each of them as an ordinary key: an ADMIN key of another
// team would make a key that bills another account.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	const op = "looking at the keys of fal.ai"
	if len(current) == 0 {
		return nil, fault.New(op, fault.NotFound, "no environment holds a key")
	}
	ids, err := p.identify(op, current)
	if err != nil {
		return nil, err
	}
	admin, err := p.admin(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := p.keys(ctx)
	if err != nil {
		return nil, err
	}
	for _, env := range slices.Sorted(maps.Keys(ids)) {
		if err := usable(op, env, ids[env], admin.id, seen); err != nil {
			return nil, err
		}
	}
	return &apiKey{p: p}, nil
}

// Survives implements [providers.Survivor]: a key of the API has nothing that its
// successor would take from it.
func (p *Provider) Survives(providers.Traits) bool { return true }

// Survive implements [providers.Survivor].
func (p *Provider) Survive(context.Context, providers.Traits, map[string]providers.Credential, providers.Model) (providers.Kind, error) {
	return &apiKey{p: p}, nil
}

func (p *Provider) identify(op string, current map[string]providers.Values) (map[string]providers.ID, error) {
	ids := make(map[string]providers.ID, len(current))
	for _, env := range slices.Sorted(maps.Keys(current)) {
		id, err := p.form.identify(current[env])
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		ids[env] = id
	}
	return ids, nil
}

// usable holds one environment's key against what the ADMIN key sees.
func usable(op, env string, id, admin providers.ID, seen []wireKey) error {
	if id == admin {
		return fault.New(op, fault.Managed, fmt.Sprintf("%s runs on key %s, which is the ADMIN key Rekey works with; give the application a key of its own", env, id))
	}
	at := slices.IndexFunc(seen, func(k wireKey) bool { return k.ID == string(id) })
	if at < 0 {
		return fault.New(op, fault.NotFound, fmt.Sprintf("key %s of %s is not among the %d keys that the ADMIN key sees: it was deleted, or the ADMIN key belongs to another account or team", id, env, len(seen)))
	}
	if seen[at].Scope != scopeAPI {
		return fault.New(op, fault.Unsupported, fmt.Sprintf("key %s of %s has scope %q; only keys of scope API can be made here", id, env, seen[at].Scope))
	}
	return nil
}
