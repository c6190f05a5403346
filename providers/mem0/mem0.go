// Package mem0 rotates API keys of Mem0: of its platform, where people make
// and delete them in the dashboard, and of servers of one's own, which have an
// API for them.
//
// # The model
//
// Both carry the same variable. A key of the platform begins with m0-, belongs
// to one organisation and one project there, and says so when asked; a key of a
// server of one's own begins with m0sk_ and belongs to the user who made it.
// Which of the two an application uses is found, never guessed: what the value
// begins with and what the configuration says about servers must agree, and
// until they do nothing is asked anywhere. A key that is shown to the wrong one
// of them has leaked. Any number of keys are valid together at both: the shape
// is overlap, there is no disabling.
//
// The platform has no list of keys and no ids: a key is named by a fingerprint,
// and people tell it by its last characters. The one check that catches the
// commonest mistake is the project: a key made while another one is selected in
// the dashboard works, and finds an empty memory. So organisation and project
// of a new key must be those of the key in use.
//
// A server lists the keys of the user who asks, each with an id and the first
// twelve characters: a key is the one that fits. Several that fit, or none,
// stop and ask.
//
// What may be believed:
//
//   - A key of the platform lives when GET /v1/ping/ accepts it for the project
//     in use, and is refused when that answers in Mem0's own words that the key
//     is not valid. 429, 5xx and what a gateway says prove nothing. The click
//     that deletes a key, or a whole account, proves nothing either.
//   - A key of a server lives when GET /memories accepts it, and is refused when
//     that answers so in the server's own words. A server with authentication
//     switched off accepts every key: one that nobody ever made is tried first,
//     and unless that is refused no answer counts.
//   - A server's key is ended when it is refused and absent from the list.
//
// The platform's events name neither key nor user and need not show reads: that
// there are none is no proof of anything, and an audit says so.
//
// # What may run twice
//
// Reading, signing in, and revoking the same id. Creating never: the value is
// shown once, so after a lost answer the caller finds the key by its label,
// revokes it and makes another one.
//
// Sources: https://github.com/mem0ai/mem0 (docs/openapi.json of 2026-08-05,
// docs/api-reference/organizations-projects.mdx, docs/platform/faqs.mdx,
// docs/platform/agent-signup.mdx, docs/open-source/features/rest-api.mdx,
// mem0/client/main.py, cli/CLI_SPECIFICATION.md, server/auth.py,
// server/routers/api_keys.py, server/routers/auth.py).
package mem0

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the platform's API, DefaultConsole where people make keys.
const (
	DefaultBaseURL = "https://api.mem0.ai"
	DefaultConsole = "https://app.mem0.ai/dashboard/api-keys"
)

// platformHost is where no server of one's own can be.
const platformHost = "mem0.ai"

// DefaultWaits are the pauses that suit both. How fast the platform forgets a
// deleted key is not documented, so a refusal must last.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     time.Minute,
		Hold:       0,
		ProbeEvery: 5 * time.Second,
		ProbeFor:   2 * time.Minute,
	}
}

// Server is one of one's own.
type Server struct {
	// BaseURL of the server, as the application has it.
	BaseURL string
	// Login of the user whose keys the application uses; nil is that of the
	// [Config].
	Login func(context.Context) (secret.Value, error)
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the platform; empty is [DefaultBaseURL].
	BaseURL string
	// Console is the address people are sent to; empty is [DefaultConsole].
	Console string
	// Servers of one's own, by environment. Empty says that the keys are the
	// platform's; otherwise each environment has one.
	Servers map[string]Server
	// Login returns e-mail address and password, joined by a colon, of the user
	// whose keys the application uses at servers of one's own. It is asked
	// before each sign-in.
	Login func(context.Context) (secret.Value, error)
	// Variable that carries the key; empty is MEM0_API_KEY.
	Variable string
	// Projects are the platform's ids that keys must belong to, by environment;
	// an environment that is not named keeps the project of its present key.
	Projects map[string]string
	// Name gives keys of the platform the id that it does not give them.
	Name providers.Namer
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is Mem0 as one application uses it.
type Provider struct {
	config   Config
	platform *rest.Client
	servers  map[string]*server // by environment; one for each address
}

var placeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	c = c.withDefaults()
	if w := c.Waits; w.Settle < 0 || w.Hold < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0 {
		return nil, errors.New("configuring Mem0: settle and hold must not be negative, probe_every and probe_for must be positive")
	}
	if c.Name == nil {
		return nil, errors.New("configuring Mem0: keys of the platform need a name")
	}
	for env, id := range c.Projects {
		if !placeForm.MatchString(id) {
			return nil, fmt.Errorf("configuring Mem0: the project of %s must be an id, as the platform tells it", env)
		}
	}
	if len(c.Projects) > 0 && len(c.Servers) > 0 {
		return nil, errors.New("configuring Mem0: projects are the platform's, and the keys are said to be of servers of one's own")
	}
	platform, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP})
	if err != nil {
		return nil, fmt.Errorf("configuring Mem0: %w", err)
	}
	p := &Provider{config: c, platform: platform, servers: make(map[string]*server)}
	return p, p.addServers()
}

// addServers opens each address once: whoever has signed in stays so.
func (p *Provider) addServers() error {
	for _, env := range slices.Sorted(maps.Keys(p.config.Servers)) {
		s := p.config.Servers[env]
		if s.Login == nil {
			s.Login = p.config.Login
		}
		switch {
		case s.Login == nil:
			return fmt.Errorf("configuring Mem0: the server of %s needs somebody to sign in", env)
		case s.BaseURL == p.config.BaseURL || atPlatform(s.BaseURL):
			return fmt.Errorf("configuring Mem0: the server of %s is Mem0's platform; leave servers out where the keys are the platform's", env)
		}
		own, err := p.open(s)
		if err != nil {
			return fmt.Errorf("configuring Mem0: the server of %s: %w", env, err)
		}
		p.servers[env] = own
	}
	return nil
}

func (p *Provider) open(s Server) (*server, error) {
	for env, open := range p.servers {
		if open.base == s.BaseURL && p.config.Servers[env].Login == nil {
			return open, nil
		}
	}
	api, err := rest.New(rest.Config{Base: s.BaseURL, HTTP: p.config.HTTP})
	if err != nil {
		return nil, err
	}
	return &server{api: api, base: s.BaseURL, login: s.Login}, nil
}

func atPlatform(base string) bool {
	u, err := url.Parse(base)
	return err == nil && (u.Hostname() == platformHost || strings.HasSuffix(u.Hostname(), "."+platformHost))
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.Console == "" {
		c.Console = DefaultConsole
	}
	if c.Variable == "" {
		c.Variable = "MEM0_API_KEY"
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	return c
}

const opSurvey = "looking at the keys of Mem0"

// Survey finds out whose the keys are before it shows one to anybody.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if len(current) == 0 {
		return nil, fault.New(opSurvey, fault.NotFound, "no environment holds a key")
	}
	values, hosted := make(map[string]secret.Value), make(map[bool]string)
	for _, env := range slices.Sorted(maps.Keys(current)) {
		v, of, err := p.read(current[env])
		if err != nil {
			return nil, fault.New(opSurvey, fault.Ambiguous, env+": "+err.Error())
		}
		values[env] = v
		hosted[of == platformKey] = env
	}
	if len(hosted) > 1 {
		return nil, fault.New(opSurvey, fault.Unsupported, fmt.Sprintf(
			"%s holds a key of Mem0's platform and %s one of a server of one's own. Nothing was asked and nothing was changed: bring both to one of them first", hosted[true], hosted[false]))
	}
	if hosted[true] != "" {
		return p.surveyPlatform(ctx, values)
	}
	return p.surveyServers(ctx, values)
}
