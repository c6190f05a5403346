// Package helius guides people through replacing API keys of Helius, finds and
// probes them, and makes them where an operator has the portal's token.
//
// # The model
//
// A key is a UUID. Applications hold it inside an address, as the parameter
// api-key of an RPC or WebSocket URL, or by itself under another name; all
// variables of a secret carry the same key. What is new is the key: host, path
// and every other parameter of a value stay as they were. A Secure URL holds no
// key and is none of ours.
//
// Several keys of a project are valid together where the plan has more than
// one: the shape is overlap. Nothing disables a key, and nothing but the
// dashboard deletes one. Making and listing them takes the token of a person who
// has signed in to the portal; without it, people make them too. Where a plan has
// one key there is no overlap, and since no answer tells, the configuration does.
//
// The key is its own id at the portal. So a credential is known by the
// fingerprint of its key, and people see its name, its date and its last four
// characters. The portal takes no name for a new key and lists all of them in
// clear: what a creation without an answer has made is what the list has since.
//
// What may be believed:
//
//   - A key is alive when the RPC address takes it: any answer with 200 that is
//     JSON-RPC, also one that says that the node lags behind.
//   - A key is refused when JSON-RPC comes with 401, with and without the Origin
//     of every site that is configured. One 401 alone proves nothing: access rules
//     for sites and addresses answer so too. So a key that is refused before its
//     end was asked for stops the survey, and is not called dead.
//   - 429, 5xx and what does not speak JSON-RPC prove nothing.
//   - Only hosts of Helius are asked. An application that falls back to a public
//     RPC works with a dead key, and so would a probe there.
//
// The value lies in scripts that browsers have loaded, for as long as tabs and
// caches keep them: the hold outlasts them.
//
// # What may run twice
//
// Reading, and asking a person. Creating never: see above.
//
// Sources: https://www.helius.dev/docs/rpc/protect-your-keys,
// https://www.helius.dev/docs/api-reference/authentication,
// https://github.com/helius-labs/docs (openapi/rpc-http/getHealth.yaml),
// https://github.com/helius-labs/helius-cli (src/lib/api.ts, src/commands/apikeys.ts),
// https://github.com/helius-labs/helius-sdk (src/auth).
package helius

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the portal's API, DefaultConsole where people make and
// delete keys, DefaultRPC where a key without an address is tried.
const (
	DefaultBaseURL = "https://dev-api.helius.xyz"
	DefaultConsole = "https://dashboard.helius.dev/api-keys"
	DefaultRPC     = "https://mainnet.helius-rpc.com"
)

// DefaultWaits are the pauses that suit Helius. The hold is for tabs, caches
// and service workers that go on with the scripts of an old build; after the end
// a key must be refused three times over a minute, at whichever edge.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     time.Minute,
		Hold:       24 * time.Hour,
		ProbeEvery: 20 * time.Second,
		ProbeFor:   time.Minute,
	}
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the portal's API; empty is [DefaultBaseURL].
	BaseURL string
	// Console is the address people are sent to; empty is [DefaultConsole].
	Console string
	// Token returns the portal's token. It is asked before each use; nil means
	// that people make the keys.
	Token func(context.Context) (secret.Value, error)
	// Name gives keys the id that their service does not give them.
	Name providers.Namer
	// Variables that carry the key, as they are or inside a URL; empty is
	// NEXT_PUBLIC_HELIUS_RPC_URL. People paste under the first one's name.
	Variables []string
	// RPC is a further address at which values may be used, such as a proxy
	// that takes the key; empty means hosts of Helius only.
	RPC string
	// Projects are the ids that keys must belong to, by environment; an
	// environment that is not named keeps the project of its present key. Only
	// with a token.
	Projects map[string]string
	// Origins are the sites of the environments, sent with probes where access
	// rules admit those alone, such as https://shop.example.com.
	Origins map[string]string
	// OneKey says that the plan has one key: no two are valid together.
	OneKey bool
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Timeout of one call; zero is rest's own.
	Timeout time.Duration
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is Helius, seen as an application or through a portal's token.
type Provider struct {
	portal *rest.Client
	config Config
	rpc    *url.URL // nil when only hosts of Helius are known
}

var (
	projectForm = regexp.MustCompile(`^[A-Za-z0-9_-]{4,64}$`)
	originForm  = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:\d{1,5})?$`)
)

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	if c.Name == nil {
		return nil, errors.New("configuring Helius: its keys have no id of their own, so something must name them")
	}
	c = c.withDefaults()
	if w := c.Waits; w.Settle < 0 || w.Hold < 0 || w.ProbeFirst < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0 {
		return nil, errors.New("configuring Helius: settle, hold and probe_first must not be negative, probe_every and probe_for must be positive")
	}
	if slices.Contains(c.Variables, "") || len(slices.Compact(slices.Sorted(slices.Values(c.Variables)))) != len(c.Variables) {
		return nil, errors.New("configuring Helius: each variable is named once")
	}
	if err := c.placed(); err != nil {
		return nil, err
	}
	portal, err := rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP, Timeout: c.Timeout})
	if err != nil {
		return nil, fmt.Errorf("configuring Helius: %w", err)
	}
	p := &Provider{portal: portal, config: c}
	if c.RPC != "" {
		if p.rpc, err = rest.ParseBase(strings.TrimSuffix(c.RPC, "/")); err != nil {
			return nil, fmt.Errorf("configuring Helius: the RPC address: %w", err)
		}
	}
	return p, nil
}

// placed checks what is said of each environment.
func (c Config) placed() error {
	for env, id := range c.Projects {
		if !projectForm.MatchString(id) {
			return fmt.Errorf("configuring Helius: the project of %s must be an id, as the dashboard's settings show it", env)
		}
	}
	for env, site := range c.Origins {
		if !originForm.MatchString(site) {
			return fmt.Errorf("configuring Helius: the origin of %s must be a scheme and a host, such as https://shop.example.com", env)
		}
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
	if len(c.Variables) == 0 {
		c.Variables = []string{"NEXT_PUBLIC_HELIUS_RPC_URL"}
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	return c
}
