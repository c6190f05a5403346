// Package triggerdev rotates the keys with which applications start tasks at
// Trigger.dev.
//
// # The model
//
// Every environment of a project (staging, prod, preview) has keys of its own,
// and a value begins with the environment's prefix: tr_stg_, tr_prod_,
// tr_preview_. There are two kinds:
//
//   - Additional keys, tr_prod_sk_…: any number, named, shown once, ended at
//     once. People make and revoke them in the dashboard; there is no API for
//     them. The shape is overlap, and people both make and end.
//   - One root key per environment, tr_prod_…. The API regenerates it for a
//     personal access token. The old one lives 24 hours more and cannot be ended
//     sooner: the shape is grace. What it is now can be read back, which is how
//     a lost answer is settled; regenerating again would leave a further old key
//     alive. A server of one's own that is older than the route answers 404.
//
// An application on a root key can be moved to additional keys: people make
// those, and what ends the root key is one regeneration of it.
//
// A key has no public id. It is named by a fingerprint, and shown to people by
// its last four characters, as the dashboard shows it.
//
// What may be believed:
//
//   - A key lives when GET /api/v1/projects/{ref}/{env} accepts it and echoes
//     it. It is refused when that answers 401 in the server's own words; 400
//     says that it lives elsewhere.
//   - A key that may only start tasks is refused the list of runs with 403, and
//     lives.
//   - Nothing tells when a key was used, nor which key started a run.
//
// GET /api/v1/whoami is never asked: asked with a root key that is on its way
// out it tells the present one. Whoever holds a leaked root key may so learn
// its successor, for as long as the old one lives.
//
// # What may run twice
//
// Reading, and ending a root key: it is regenerated only while it is still the
// environment's present one. Regenerating never.
//
// # What is not this package's
//
// Tasks that run at Trigger.dev read other secrets from its own store of
// variables: those are consumers to be named in also_in of their secrets. A
// person who leaves the organisation leaves the keys they made behind, alive.
//
// Sources: https://github.com/triggerdotdev/trigger.dev (commit b082e443:
// apps/webapp/app/models/api-key.server.ts, apps/webapp/app/routes,
// packages/core/src/v3, docs/apikeys.mdx, docs/v3-openapi.yaml),
// https://trigger.dev/docs/migrating-from-v3.
package triggerdev

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the cloud's API.
const DefaultBaseURL = "https://api.trigger.dev"

// DefaultConsole is the cloud's page of keys.
const DefaultConsole = "https://cloud.trigger.dev/_/apikeys"

// DefaultMinExpiry is what people are asked to let a key live at least: a
// quarter, and time to notice that it is over.
const DefaultMinExpiry = 120 * 24 * time.Hour

// DefaultWaits are the pauses that suit Trigger.dev. What is revoked in the
// dashboard is refused at once; a root key that was regenerated dies a day later,
// which cannot be changed, and until four hours before that the application has to
// run on its successor.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     30 * time.Second,
		Hold:       10 * time.Minute,
		ProbeEvery: time.Minute,
		ProbeFor:   5 * time.Minute,
		Grace:      24 * time.Hour,
		Margin:     4 * time.Hour,
		ProbeAfter: 5 * time.Minute,
	}
}

// Place is where an environment's keys are.
type Place struct {
	// Project is its reference: proj_….
	Project string
	// Environment is the project's own name for it: staging, prod or preview.
	Environment string
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the API; empty is [DefaultBaseURL].
	BaseURL string
	// Console is the dashboard's page of keys; empty is [DefaultConsole], or the
	// same page at another BaseURL.
	Console string
	// AdminKey returns a personal access token, tr_pat_…. It is asked before
	// each use.
	AdminKey func(context.Context) (secret.Value, error)
	// Places by environment of the application.
	Places map[string]Place
	// Variables that carry the same key; empty is TRIGGER_API_KEY. People paste
	// it once, under the first name.
	Variables []string
	// Migrate moves an application that runs on root keys to additional ones,
	// instead of regenerating the root keys it uses.
	Migrate bool
	// ReadBy says who reads TRIGGER_API_KEY where no library does any more.
	ReadBy string
	// Name gives keys their ids.
	Name providers.Namer
	// MinExpiry is how long people let a key live, unless it never expires; zero
	// is [DefaultMinExpiry].
	MinExpiry time.Duration
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is one or more projects seen through one access token.
type Provider struct {
	config Config
	api    *rest.Client

	mu sync.Mutex
	// seen are the last four characters of keys by their id, for telling people
	// which of a page's rows is meant.
	seen map[providers.ID]string
}

var projectForm = regexp.MustCompile(`^proj_[A-Za-z0-9]{4,64}$`)

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	c = c.withDefaults()
	if err := c.valid(); err != nil {
		return nil, fmt.Errorf("configuring Trigger.dev: %w", err)
	}
	api, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring Trigger.dev: %w", err)
	}
	return &Provider{config: c, api: api, seen: make(map[providers.ID]string)}, nil
}

func (c Config) valid() error {
	switch {
	case c.AdminKey == nil:
		return errors.New("a personal access token is needed")
	case c.Name == nil:
		return errors.New("keys have no id of their own and need a namer")
	case c.MinExpiry < 0:
		return errors.New("the least expiry must not be negative")
	case len(slices.Compact(slices.Sorted(slices.Values(c.Variables)))) != len(c.Variables):
		return errors.New("each variable is named once")
	}
	for env, at := range c.Places {
		if err := at.valid(env); err != nil {
			return err
		}
	}
	return patient(c.Waits)
}

func (at Place) valid(env string) error {
	if !projectForm.MatchString(at.Project) {
		return fmt.Errorf("the project of %s must be a reference, proj_…, as the dashboard shows it", env)
	}
	if prefixes[at.Environment] == "" {
		return fmt.Errorf("the environment of %s must be staging, prod or preview: keys of dev are each developer's own", env)
	}
	return nil
}

func patient(w providers.Waits) error {
	if min(w.Settle, w.Hold, w.ProbeFirst) < 0 || min(w.ProbeEvery, w.ProbeFor) <= 0 {
		return errors.New("settle, hold and probe_first must not be negative, probe_every and probe_for must be positive")
	}
	if min(w.Grace, w.ProbeAfter) <= 0 || w.Margin < 0 || w.Margin >= w.Grace {
		return errors.New("grace and probe_after must be positive, and the margin less than the grace")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.Console == "" {
		c.Console = DefaultConsole
		if c.BaseURL != DefaultBaseURL {
			c.Console = strings.TrimSuffix(c.BaseURL, "/") + "/_/apikeys"
		}
	}
	if len(c.Variables) == 0 {
		c.Variables = []string{"TRIGGER_API_KEY"}
	}
	if c.MinExpiry == 0 {
		c.MinExpiry = DefaultMinExpiry
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	return c
}

// mostSeen bounds what is remembered of keys.
const mostSeen = 100

// name gives a key its id, and remembers how people know it.
func (p *Provider) name(v secret.Value) providers.ID {
	id := p.config.Name(v)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.seen) >= mostSeen {
		clear(p.seen)
	}
	p.seen[id] = v.Last4()
	return id
}

// shown is how people know a key; "" when this program has not seen it.
func (p *Provider) shown(id providers.ID) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[id]
}
