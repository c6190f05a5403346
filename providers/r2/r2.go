// Package r2 issues, probes, switches off and deletes access keys of
// Cloudflare R2.
//
// # The model
//
// An access key is an API token of the account: its id is the token's id, its
// secret is the SHA-256 of the token's value in lower case hex. The two go
// together and are useless apart. Any number of tokens are valid together and
// a token can be disabled and enabled: the shape is overlap, and ending can be
// undone until the token is deleted. A token that belongs to a person and not
// to the account is refused: it dies when the person leaves, and the account
// does not list it.
//
// What a key may do stands in the token's policies, as strings that name
// buckets. Cloudflare takes a string that names none without a word. So a new
// token gets the policies and the condition of the one it replaces, its answer
// is compared with them, and each of the application's buckets is asked itself.
//
// What may be believed:
//
//   - A key is alive when R2 lists a bucket of the application for it. A key
//     that may write only, or only from other addresses, is answered
//     AccessDenied: then a new one is alive when the old one is answered the
//     same and Cloudflare verifies the token's value, which is known only to
//     who made it.
//   - A key is refused when R2 answers Unauthorized, with 401. AccessDenied and
//     SignatureDoesNotMatch, both with 403, come to keys that are alive.
//   - A token is gone when the account's whole list is without it.
//
// When a key was last used is not asked: whether requests for objects move
// last_used_on is not documented, and nothing else tells keys apart.
//
// # What may run twice
//
// Reading, and disabling, enabling or deleting the same id. Creating never: the
// value is shown once, so after a lost answer the caller finds the token by its
// name, deletes it and makes another one. Rolling a token is never asked for:
// it kills the old value at once.
//
// Sources: https://developers.cloudflare.com/r2/api/tokens,
// https://developers.cloudflare.com/r2/api/error-codes,
// https://developers.cloudflare.com/r2/reference/consistency and
// https://github.com/cloudflare/api-schemas.
package r2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the API.
const DefaultBaseURL = "https://api.cloudflare.com/client/v4"

// DefaultJurisdiction is that of buckets which were made without one.
const DefaultJurisdiction = "default"

// DefaultWaits are the pauses that suit R2. What a token may do spreads within
// a minute or two. The hold is the longest that a presigned URL can live, which
// dies with the key that signed it; an application that signs for less can be
// given less.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     2 * time.Minute,
		Hold:       7 * 24 * time.Hour,
		ProbeEvery: 20 * time.Second,
		ProbeFor:   2 * time.Minute,
	}
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the API; empty is [DefaultBaseURL].
	BaseURL string
	// Endpoint of the buckets; empty is the account's, in its jurisdiction.
	Endpoint string
	// Account is the id of the account.
	Account string
	// Jurisdiction of the buckets; empty is [DefaultJurisdiction].
	Jurisdiction string
	// Buckets that the application uses, by environment.
	Buckets map[string][]string
	// AdminToken returns the account's API token that makes others. It is asked
	// before each use.
	AdminToken func(context.Context) (secret.Value, error)
	// Variables that carry the pair; empty is R2_ACCESS_KEY_ID and
	// R2_SECRET_ACCESS_KEY. A name with SECRET in it carries the secret, one
	// that ends in _ID the id.
	Variables []string
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is R2 seen through one admin token.
type Provider struct {
	api     *rest.Client
	objects *rest.Client
	form    form
	config  Config
}

var (
	accountForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	bucketForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
)

// jurisdictions and what they add to the endpoint's name.
var jurisdictions = map[string]string{DefaultJurisdiction: "", "eu": ".eu", "fedramp": ".fedramp"}

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configuring R2: %w", err)
	}
	c = c.withDefaults()
	form, err := newForm(c.Variables)
	if err != nil {
		return nil, fmt.Errorf("configuring R2: %w", err)
	}
	api, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring R2: %w", err)
	}
	objects, err := rest.New(rest.Config{Base: c.Endpoint, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring R2's endpoint: %w", err)
	}
	return &Provider{api: api, objects: objects, form: form, config: c}, nil
}

func (c Config) check() error {
	_, known := jurisdictions[c.Jurisdiction]
	switch w := c.Waits; {
	case c.AdminToken == nil:
		return errors.New("an admin token is needed")
	case !accountForm.MatchString(c.Account):
		return errors.New("the account must be its id, 32 hex digits as the dashboard shows it")
	case c.Jurisdiction != "" && !known:
		return fmt.Errorf("the jurisdiction must be one of %v", slices.Sorted(maps.Keys(jurisdictions)))
	case w != (providers.Waits{}) && (w.Settle < 0 || w.Hold < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0):
		return errors.New("settle and hold must not be negative, probe_every and probe_for must be positive")
	case len(c.Buckets) == 0:
		return errors.New("the buckets of each environment are needed: nothing else proves a key")
	}
	for _, env := range slices.Sorted(maps.Keys(c.Buckets)) {
		if len(c.Buckets[env]) == 0 {
			return fmt.Errorf("%s needs a bucket: nothing else proves a key", env)
		}
		for _, name := range c.Buckets[env] {
			if !bucketForm.MatchString(name) {
				return fmt.Errorf("a bucket of %s has a name that R2 does not allow", env)
			}
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.Jurisdiction == "" {
		c.Jurisdiction = DefaultJurisdiction
	}
	if c.Endpoint == "" {
		c.Endpoint = "https://" + c.Account + jurisdictions[c.Jurisdiction] + ".r2.cloudflarestorage.com"
	}
	if len(c.Variables) == 0 {
		c.Variables = []string{"R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"}
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	return c
}
