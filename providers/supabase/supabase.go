// Package supabase issues, probes and ends secret API keys of Supabase projects,
// and replaces the keys that sign their users' tokens.
//
// # The model
//
// A project has any number of secret keys (sb_secret_…), each with a name; all
// of them are valid together and each is deleted alone, at once and for good:
// the shape is overlap, there is no disabling. An environment usually is a
// project of its own, so a key is made in the project of the environment it is
// for. Keys are managed with a personal or OAuth access token, which is the
// account's and no key of any project.
//
// Beside them a project may still have its two legacy keys, anon and
// service_role: JWTs that live and die together, by one switch. Where a survey
// finds the latter, secret keys take its place, once people have said that
// nothing sends it as Authorization: Bearer; and its end is that switch, which
// ends anon in every browser and app as well. So it is not asked for before the
// edge logs, which must reach so far back, have shown neither for days, and
// they are looked at once more before the switch is turned.
//
// A value does not carry its id. The list shows each key's prefix, and its
// hash: a key is the one that fits, by hash where several share a prefix.
// Several that fit, or none, stop and ask.
//
// What may be believed:
//
//   - A key is alive when its project's REST root accepts it in the header
//     apikey alone. In Authorization it would break functions and webhooks.
//   - A key is refused when the same request answers 401 with a message of the
//     gateway's own while another key of the project is accepted: a paused
//     project, a wrong address and a browser's User-Agent answer 401 too.
//   - A key is ended when it is refused there and absent from the project's
//     whole list.
//
// The key called default is the operator's, because Edge Functions look it up
// by that name: it is neither rotated nor deleted here.
//
// # Signing keys
//
// The other secret of a project is what its users' tokens are signed with
// ([Signing]). It has one key in use, may have a standby key, and trusts those
// in use before until they are revoked: the shape is deploy-first. The value is
// made here, because Supabase shows it to nobody; whose value it is, is found out by
// trying: a token that names a key is accepted only if it was signed with that key's
// value. An application that holds both values accepts both before the new one is
// activated. A revoked key is never deleted: it is the way back.
//
// A token is accepted when the project's REST interface looks for the table, whether
// or not it is there; it is refused when that answers 401 while a token of another
// value is accepted. Supabase takes one change of these keys every few minutes and
// names, in words, the moment of the next.
//
// # What may run twice
//
// Reading, importing under the same id, activating, revoking, and deleting the
// same id. Creating never: after a lost answer the caller finds the key by its
// name, deletes it and makes another one.
//
// Sources: https://supabase.com/docs/guides/getting-started/api-keys,
// https://supabase.com/docs/guides/getting-started/migrating-to-new-api-keys,
// https://supabase.com/docs/guides/platform/access-tokens,
// https://supabase.com/docs/guides/auth/signing-keys,
// https://supabase.com/docs/guides/api/rest/postgrest-error-codes,
// https://supabase.com/docs/guides/observability/log-field-reference, and the
// Management API's description in https://github.com/supabase/cli.
package supabase

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the Management API, DefaultProjectURL a project's own
// address, in which {ref} stands for the project.
const (
	DefaultBaseURL    = "https://api.supabase.com"
	DefaultProjectURL = "https://{ref}.supabase.co"
)

// DefaultQuiet is for how long no legacy key may have been used before they
// can be switched off.
const DefaultQuiet = 7 * 24 * time.Hour

// DefaultWaits are the pauses that suit Supabase. How fast keys spread to the
// gateways is not documented: an ended one is probed for five minutes.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     time.Minute,
		Hold:       0,
		ProbeEvery: 5 * time.Second,
		ProbeFor:   5 * time.Minute,
	}
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the Management API; empty is [DefaultBaseURL].
	BaseURL string
	// ProjectURL is the address of a project, with {ref} in the place of its
	// reference; empty is [DefaultProjectURL].
	ProjectURL string
	// Token returns the access token. It is asked before each use.
	Token func(context.Context) (secret.Value, error)
	// Variable that carries the key; empty is SUPABASE_SERVICE_ROLE_KEY.
	Variable string
	// Projects are the references of the projects, by environment. They may be
	// equal.
	Projects map[string]string
	// SendsAPIKey says that every consumer sends the key in the header apikey and
	// none as Authorization: Bearer, as people have seen. Legacy keys are
	// replaced only then.
	SendsAPIKey bool
	// Quiet is for how long the edge logs must show no legacy key before those
	// can be switched off; zero is [DefaultQuiet].
	Quiet time.Duration
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is a set of Supabase projects seen through one access token.
type Provider struct {
	api    *rest.Client
	gates  map[string]*rest.Client // of the projects, by reference
	config Config
	source columns
}

var refForm = regexp.MustCompile(`^[a-z]{20}$`)

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configuring Supabase: %w", err)
	}
	api, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring Supabase: %w", err)
	}
	p := &Provider{api: api, gates: make(map[string]*rest.Client), config: c}
	for _, ref := range p.refs() {
		base := strings.ReplaceAll(c.ProjectURL, "{ref}", ref)
		if p.gates[ref], err = rest.New(rest.Config{Base: base, HTTP: c.HTTP, MaxBody: largestRoot}); err != nil {
			return nil, fmt.Errorf("configuring Supabase for project %s: %w", ref, err)
		}
	}
	return p, nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.ProjectURL == "" {
		c.ProjectURL = DefaultProjectURL
	}
	if c.Variable == "" {
		c.Variable = "SUPABASE_SERVICE_ROLE_KEY"
	}
	if c.Quiet == 0 {
		c.Quiet = DefaultQuiet
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	return c
}

func (c Config) check() error {
	w := c.Waits
	switch {
	case c.Token == nil:
		return errors.New("an access token is needed")
	case len(c.Projects) == 0:
		return errors.New("the projects of the environments are needed")
	case w.Settle < 0 || w.Hold < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0:
		return errors.New("settle and hold must not be negative, probe_every and probe_for must be positive")
	case c.Quiet < slice || c.Quiet > maxSlices*slice:
		return fmt.Errorf("the quiet time before legacy keys can be switched off must be 1 to %d days", maxSlices)
	}
	for env, ref := range c.Projects {
		if !refForm.MatchString(ref) {
			return fmt.Errorf("the project of %s must be its reference, twenty lower case letters, as its address shows it", env)
		}
	}
	if !strings.Contains(c.ProjectURL, "{ref}") && len(slices.Compact(slices.Sorted(maps.Values(c.Projects)))) > 1 {
		return errors.New("the address of projects must hold {ref} where there are several")
	}
	return nil
}

// refs are the distinct projects.
func (p *Provider) refs() []string {
	return slices.Compact(slices.Sorted(maps.Values(p.config.Projects)))
}

// Survey finds the key of every environment in its project, and asks a person
// unless each is a certain secret key of the application's own.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	const op = "looking at the keys of Supabase"
	if len(current) == 0 {
		return nil, fault.New(op, fault.NotFound, "no environment holds a key")
	}
	k := &secretKey{p: p, named: make(map[string]string)}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		v, err := p.read(current[env])
		if err != nil {
			return nil, fault.New(op, fault.Ambiguous, env+": "+err.Error())
		}
		ref, known := p.config.Projects[env]
		if !known {
			return nil, fault.New(op, fault.NotFound, "no project is configured for "+env)
		}
		k.held = append(k.held, holding{env: env, ref: ref, value: v})
	}
	if err := p.admissible(ctx, op, k.held); err != nil {
		return nil, err
	}
	if _, err := k.refresh(ctx); err != nil {
		return nil, err
	}
	for i, h := range k.held {
		found, err := k.usable(op, h)
		if err != nil {
			return nil, err
		}
		k.held[i].id = found.ID
	}
	return k, nil
}

// admissible refuses what is no secret key at all, with what is to be done.
func (p *Provider) admissible(ctx context.Context, op string, held []holding) error {
	token, err := p.token(ctx)
	if err != nil {
		return err
	}
	for _, h := range held {
		switch {
		case h.value.Equal(token):
			return fault.New(op, fault.Managed, h.env+" runs on the very access token Rekey works with, which may do far more; give the application a secret key of its project")
		case isLegacy(h.value):
			if err := p.legacy(ctx, op, h); err != nil {
				return err
			}
			continue
		}
		if wrong := unlike(h.value); wrong != "" {
			return fault.New(op, fault.Ambiguous, h.env+": "+wrong)
		}
	}
	return nil
}

// usable finds the key of one environment, and refuses the operator's own. That
// a legacy one is usable is known already.
func (k *secretKey) usable(op string, h holding) (wireKey, error) {
	if isLegacy(h.value) {
		return wireKey{ID: legacyID(h.ref), Name: "service_role", Type: typeLegacy}, nil
	}
	found, err := k.one(h.ref, h.value)
	if err != nil {
		return wireKey{}, fault.New(op, fault.Of(err).Reason, h.env+": "+fault.Of(err).Detail)
	}
	if found.Name == operators {
		return wireKey{}, fault.New(op, fault.Managed, fmt.Sprintf(
			"%s runs on the key called %s of project %s, which Edge Functions look up by that name and which is never deleted here. Nothing was changed. Make a secret key of its own for this application under %s, put it into the vault and deploy; that one can be rotated",
			h.env, operators, h.ref, console(h.ref)))
	}
	return found, nil
}

// console is where people see a project's keys.
func console(ref string) string {
	return "https://supabase.com/dashboard/project/" + ref + "/settings/api-keys"
}
