// Package ayrshare rotates the key of an account at Ayrshare.
//
// # The model
//
// An account has one API key. Nothing but the dashboard makes it, and making
// another one replaces it: no second key and no grace is documented, so the old
// one is taken to die at the click. The shape is cutover, and a person does it.
// People are asked before, on a card that states the outage; there is no way
// back.
//
// A key has no public id. It is named by a fingerprint, and shown to people by
// its last four characters. Whose it is the service tells: GET /user answers
// with the time at which the account was made, and with its reference. The new
// key must be the same account's.
//
// What may be believed:
//
//   - A key lives when GET /user accepts it and tells the account. It posts
//     nothing.
//   - It is refused when that answers 401 in the service's own words. 403 may be
//     the plan or a suspension, 429 and 5xx tell nothing.
//   - Nothing lists keys, and nothing tells when one was used.
//
// # What may run twice
//
// Everything here only reads. It is asked sparingly all the same: a thousand
// answers of 429 in a day suspend the account, and a dead key that is asked in
// a loop gets them. ProbeEvery and ProbeFor of the waits bound it.
//
// # What is not this package's
//
// Profile Keys choose a user's profile, go in a header of their own, and are
// worth nothing as an API key: one in the vault is refused. Posts that Ayrshare
// has accepted for later go out from there; those that the application tries in
// the gap fail, unless it holds them, which is what the pause hook is for. None
// is ever sent again by Rekey.
//
// Sources: https://www.ayrshare.com/docs/apis/overview,
// https://www.ayrshare.com/docs/apis/user/profile-details,
// https://www.ayrshare.com/docs/errors/errors-http,
// https://github.com/ayrshare/ayrshare-mcp.
package ayrshare

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"rekey/internal/rest"
	"rekey/providers"
)

// DefaultBaseURL is the service's API. Older code asks app.ayrshare.com/api.
const DefaultBaseURL = "https://api.ayrshare.com/api"

// DefaultConsole is the dashboard.
const DefaultConsole = "https://app.ayrshare.com"

// DefaultWaits are the pauses that suit Ayrshare: a dead key is asked about at
// most every 5 s, and for a minute.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     time.Minute,
		ProbeEvery: 5 * time.Second,
		ProbeFor:   time.Minute,
	}
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the API; empty is [DefaultBaseURL].
	BaseURL string
	// Console is the dashboard; empty is [DefaultConsole].
	Console string
	// Variable that carries the key; empty is AYRSHARE_API_KEY.
	Variable string
	// Name gives keys their ids.
	Name providers.Namer
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is Ayrshare, asked with the very keys that are rotated: there is no
// other credential.
type Provider struct {
	config Config
	api    *rest.Client
}

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	c = c.withDefaults()
	if err := c.valid(); err != nil {
		return nil, fmt.Errorf("configuring Ayrshare: %w", err)
	}
	api, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring Ayrshare: %w", err)
	}
	return &Provider{config: c, api: api}, nil
}

func (c Config) valid() error {
	switch w := c.Waits; {
	case c.Name == nil:
		return errors.New("keys have no id of their own and need a namer")
	case w.Settle < 0 || w.Hold < 0 || w.ProbeFirst < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0:
		return errors.New("settle, hold and probe_first must not be negative, probe_every and probe_for must be positive")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.Console == "" {
		c.Console = DefaultConsole
	}
	if c.Variable == "" {
		c.Variable = "AYRSHARE_API_KEY"
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	return c
}
