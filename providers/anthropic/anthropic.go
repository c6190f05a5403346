// Package anthropic guides people through making API keys of Anthropic, and
// finds, probes, switches off and archives them.
//
// # The model
//
// No API makes a key: a person does, in the Console, and hands its value over
// through the vault's inbox. Everything else is in the Admin API. A key
// belongs to one workspace and acts as a service account, as a person, or, if
// it is old enough, as nobody (a "workspace key"). Any number of them are
// valid together: the shape is overlap. A key is active, inactive, archived or
// expired: inactive can be undone, archived is taken as final, and there is no
// deleting. A key without a workspace needs a header of its own with every
// request; an application that does not send it would fail, so those are
// refused.
//
// The value does not carry its id. The Admin API shows a part of it, the
// hint, and a key is the one whose hint fits; several that fit, or none, stop
// and ask. Names are not unique and prove nothing alone. The hint is part of
// a secret and goes nowhere.
//
// What may be believed:
//
//   - A key is alive when GET /v1/models accepts it, and refused when that
//     answers 401 with Anthropic's own authentication_error. 403, 429 and 5xx
//     prove nothing.
//   - A key is ended when it is refused there and archived, or expired, in the
//     whole list.
//
// Archiving a workspace kills all its keys and cannot be undone: no call here
// touches a workspace.
//
// # What may run twice
//
// Everything: reading, and setting the status of an explicit id.
//
// Sources: https://platform.claude.com/docs/en/get-api-key,
// https://platform.claude.com/docs/en/manage-claude/admin-api-keys,
// https://platform.claude.com/docs/en/manage-claude/workspaces,
// https://platform.claude.com/docs/en/manage-claude/usage-cost-api, and the
// types of https://github.com/anthropics/anthropic-sdk-go (v1.84.0).
package anthropic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the API, DefaultConsole where people make keys.
const (
	DefaultBaseURL = "https://api.anthropic.com"
	DefaultConsole = "https://platform.claude.com/settings/keys"
)

// DefaultMinExpiry is how long a new key must live at least: a quarter, and
// time to notice that it is over.
const DefaultMinExpiry = 120 * 24 * time.Hour

// DefaultSkew is how far the service's clock may be off ours.
const DefaultSkew = 5 * time.Minute

// DefaultWaits are the pauses that suit Anthropic. How fast a new key is
// listed and an ended one refused is not documented; nothing still holds an
// old key once the application has moved.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     time.Minute,
		Hold:       0,
		ProbeEvery: 5 * time.Second,
		ProbeFor:   2 * time.Minute,
	}
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the API; empty is [DefaultBaseURL].
	BaseURL string
	// Console is the address people are sent to; empty is [DefaultConsole].
	Console string
	// AdminKey returns the Admin API key. It is asked before each use.
	AdminKey func(context.Context) (secret.Value, error)
	// Variable that carries the key; empty is ANTHROPIC_API_KEY.
	Variable string
	// Workspaces are the ids that keys must belong to, by environment; an
	// environment that is not named keeps the workspace of its present key.
	Workspaces map[string]string
	// MinExpiry is how long a new key must live, unless it never expires;
	// zero is [DefaultMinExpiry].
	MinExpiry time.Duration
	// Skew is how far the service's clock may be off; zero is [DefaultSkew].
	Skew time.Duration
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is Anthropic seen through one Admin API key.
type Provider struct {
	api    *rest.Client
	config Config
}

var workspaceForm = regexp.MustCompile(`^wrkspc_[A-Za-z0-9]{1,64}$`)

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	if c.AdminKey == nil {
		return nil, errors.New("configuring Anthropic: an Admin API key is needed")
	}
	c = c.withDefaults()
	if w := c.Waits; w.Settle < 0 || w.Hold < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0 {
		return nil, errors.New("configuring Anthropic: settle and hold must not be negative, probe_every and probe_for must be positive")
	}
	if c.MinExpiry < 0 || c.Skew < 0 {
		return nil, errors.New("configuring Anthropic: the least expiry and the skew must not be negative")
	}
	for env, id := range c.Workspaces {
		if !workspaceForm.MatchString(id) {
			return nil, fmt.Errorf("configuring Anthropic: the workspace of %s must be an id such as wrkspc_01Abc, as the Console shows it", env)
		}
	}
	api, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring Anthropic: %w", err)
	}
	return &Provider{api: api, config: c}, nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.Console == "" {
		c.Console = DefaultConsole
	}
	if c.Variable == "" {
		c.Variable = "ANTHROPIC_API_KEY"
	}
	if c.MinExpiry == 0 {
		c.MinExpiry = DefaultMinExpiry
	}
	if c.Skew == 0 {
		c.Skew = DefaultSkew
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	return c
}

// Survey finds the key of every environment by its hint, and asks a person
// unless each is certain, active, and of the workspace it should be of.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	const op = "looking at the keys of Anthropic"
	if len(current) == 0 {
		return nil, fault.New(op, fault.NotFound, "no environment holds a key")
	}
	values := make(map[string]secret.Value, len(current))
	for _, env := range slices.Sorted(maps.Keys(current)) {
		v, err := p.read(current[env])
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		values[env] = v
	}
	admin, err := p.admin(ctx)
	if err != nil {
		return nil, err
	}
	for _, env := range slices.Sorted(maps.Keys(values)) {
		if values[env].Equal(admin) {
			return nil, fault.New(op, fault.Managed, env+" runs on the very key Rekey administers with; give the application a key of its own")
		}
	}
	k := &apiKey{p: p, inUse: make(map[string]wireKey)}
	if _, err := k.refresh(ctx); err != nil {
		return nil, err
	}
	for _, env := range slices.Sorted(maps.Keys(values)) {
		if k.inUse[env], err = k.usable(op, env, values[env]); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// usable finds the key of one environment and holds it against what is
// declared.
func (k *apiKey) usable(op, env string, v secret.Value) (wireKey, error) {
	found, err := k.one(v)
	if err != nil {
		return wireKey{}, fault.New(op, fault.Of(err).Reason, env+": "+fault.Of(err).Detail)
	}
	want := k.p.config.Workspaces[env]
	switch {
	case found.Status != active:
		return wireKey{}, fault.New(op, fault.Ambiguous, fmt.Sprintf("key %s of %s is %s at Anthropic, so the application cannot be working", found.ID, env, found.Status))
	case found.workspace() == "":
		return wireKey{}, fault.New(op, fault.Unsupported, fmt.Sprintf("key %s of %s belongs to no workspace: each request has to name one, and only keys of one workspace can be rotated here", found.ID, env))
	case want != "" && found.workspace() != want:
		return wireKey{}, fault.New(op, fault.Ambiguous, fmt.Sprintf("key %s of %s belongs to workspace %s, and the configuration names %s", found.ID, env, found.workspace(), want))
	}
	return found, nil
}
