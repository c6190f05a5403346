// Package langfuse issues, probes and deletes API keys of Langfuse projects.
//
// # The model
//
// A key is a pair, pk-lf-… and sk-lf-…, sent as HTTP Basic: the public key is
// the user, the secret key the password. A pair belongs to one project of one
// organisation at one site (a region of the cloud, or a host of one's own).
// Any number of pairs are valid together, and deleting one cannot be undone:
// the shape is overlap, there is no disabling. The public key is the pair's
// identity for people and for us; the id that a deletion takes is looked up
// by it each time, never by position or by note.
//
// Managing keys takes a pair of the organisation, and a plan that includes it.
// On every other plan the keys are made and deleted in the dashboard. Keys
// made over the API have full access: where the old ones have less, people
// make the new ones there too.
//
// What may be believed:
//
//   - A pair lives when GET /api/public/projects accepts it and names its
//     project. It is refused when that answers 401 in Langfuse's own words.
//     403 comes to living keys of another kind, and proves nothing.
//   - The service finds a request's key by the secret alone. That the public
//     key belongs to it is known only from the list, which shows the first six
//     and last four characters of the secret beside it.
//   - A pair is gone when it is refused and absent from the list.
//
// Look-ups of keys are remembered by the service for five minutes, whether the
// key was found or not, and each further look-up renews that. A deletion may
// be overtaken by a request that puts the dead key back. So a key that is
// still accepted after its end is left alone for longer than that before it is
// asked about again, and so is a key that was refused before it was known.
//
// lastUsedAt is never filled by the service and is not read.
//
// # What may run twice
//
// Reading, and deleting the same pair. Creating never: the secret is shown
// once, so after a lost answer the caller finds the pair by its note, deletes
// it and makes another one.
//
// Sources: https://github.com/langfuse/langfuse (version 4.16.0, commit
// 62751446: web/public/generated/api/openapi.yml, web/src/pages/api/public,
// web/src/features/public-api/server, packages/shared/src/server/auth),
// https://langfuse.com/docs/administration/scim-and-org-api,
// https://langfuse.com/faq/all/read-only-api-keys.
package langfuse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the cloud's European region.
const DefaultBaseURL = "https://cloud.langfuse.com"

// DefaultMinExpiry is how long a pair that people make must live at least: a
// quarter, and time to notice that it is over.
const DefaultMinExpiry = 120 * 24 * time.Hour

// DefaultSkew is how far the service's clock may be off ours.
const DefaultSkew = 5 * time.Minute

// DefaultWaits are the pauses that suit Langfuse. The hold lets buffered
// events leave. The first probe leaves the deletion a moment; every further
// one waits longer than the 300 seconds for which a self-hosted or cloud
// server remembers a key by default.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     10 * time.Second,
		Hold:       5 * time.Minute,
		ProbeFirst: 10 * time.Second,
		ProbeEvery: 310 * time.Second,
		ProbeFor:   310 * time.Second,
	}
}

// Site is where an environment's project lives, when it is not where the
// others' are.
type Site struct {
	// BaseURL of the site; empty is that of the [Config].
	BaseURL string
	// AdminKey of an organisation there; nil is that of the [Config].
	AdminKey func(context.Context) (secret.Value, error)
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the site; empty is [DefaultBaseURL].
	BaseURL string
	// AdminKey returns the organisation's pair, joined by a colon:
	// pk-lf-…:sk-lf-…. It is asked before each use.
	AdminKey func(context.Context) (secret.Value, error)
	// Sites of environments that live elsewhere.
	Sites map[string]Site
	// Projects are the ids that keys must belong to, by environment; an
	// environment that is not named keeps the project of its present key.
	Projects map[string]string
	// Variables that carry the pair; empty is LANGFUSE_SECRET_KEY and
	// LANGFUSE_PUBLIC_KEY. A name that ends in _PUBLIC_KEY carries the public
	// key, one that ends in _SECRET_KEY the secret one.
	Variables []string
	// ByHand says that people make the keys, whatever the plan: the present
	// ones have restricted permissions, and the API makes only full ones.
	ByHand bool
	// MinExpiry is how long a pair that people make must live, unless it never
	// expires; zero is [DefaultMinExpiry].
	MinExpiry time.Duration
	// Skew is how far the service's clock may be off; zero is [DefaultSkew].
	Skew time.Duration
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is Langfuse seen through the pairs of one or more organisations.
type Provider struct {
	config Config
	form   form
	sites  map[string]*site // by environment; "" is where all others live

	mu      sync.Mutex
	refused map[providers.ID]time.Time // pairs that were refused before they were known
}

// site is one place to ask.
type site struct {
	api   *rest.Client
	base  string
	admin func(context.Context) (secret.Value, error)
}

var projectForm = regexp.MustCompile(`^[A-Za-z0-9_-]{4,128}$`)

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	if c.AdminKey == nil {
		return nil, errors.New("configuring Langfuse: a key pair of the organisation is needed")
	}
	c = c.withDefaults()
	if w := c.Waits; w.Settle < 0 || w.Hold < 0 || w.ProbeFirst < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0 {
		return nil, errors.New("configuring Langfuse: settle, hold and probe_first must not be negative, probe_every and probe_for must be positive")
	}
	if c.MinExpiry < 0 || c.Skew < 0 {
		return nil, errors.New("configuring Langfuse: the least expiry and the skew must not be negative")
	}
	for env, id := range c.Projects {
		if !projectForm.MatchString(id) {
			return nil, fmt.Errorf("configuring Langfuse: the project of %s must be an id, as the address of its page shows it", env)
		}
	}
	form, err := newForm(c.Variables)
	if err != nil {
		return nil, fmt.Errorf("configuring Langfuse: %w", err)
	}
	p := &Provider{config: c, form: form, sites: make(map[string]*site), refused: make(map[providers.ID]time.Time)}
	return p, p.addSites()
}

// addSites opens the site of all environments, and of each that has its own.
func (p *Provider) addSites() error {
	all := map[string]Site{"": {}}
	for env, s := range p.config.Sites {
		all[env] = s
	}
	for env, s := range all {
		if s.BaseURL == "" {
			s.BaseURL = p.config.BaseURL
		}
		if s.AdminKey == nil {
			s.AdminKey = p.config.AdminKey
		}
		api, err := rest.New(rest.Config{Base: s.BaseURL, HTTP: p.config.HTTP})
		if err != nil {
			return fmt.Errorf("configuring Langfuse: %w", err)
		}
		p.sites[env] = &site{api: api, base: s.BaseURL, admin: s.AdminKey}
	}
	return nil
}

// site is where an environment's keys are.
func (p *Provider) site(env string) *site {
	if s, own := p.sites[env]; own {
		return s
	}
	return p.sites[""]
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if len(c.Variables) == 0 {
		c.Variables = []string{"LANGFUSE_SECRET_KEY", "LANGFUSE_PUBLIC_KEY"}
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
